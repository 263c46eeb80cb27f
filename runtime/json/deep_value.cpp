// What goes all the way down into a value, without calling itself: copying, comparing, destroying.
#include <cmath>

#include "runtime/json/object.hpp"
#include "runtime/json/value.hpp"

namespace simul::json {

// Containers get as many nulls as they have values; then each of these is copied in turn. (The
// constructor that it begins with makes this a whole Value, so that the destructor clears up after
// an exception.)
Value::Value(const Value& other) : Value() {
  std::vector<std::pair<const Value*, Value*>> open = {{&other, this}};
  while (!open.empty()) {
    const auto [from, to] = open.back();
    open.pop_back();
    if (from->tag_ == Tag::array) {
      const Array& array = *from->as_.array;
      *to = Array(array.size());
      for (std::size_t i = 0; i < array.size(); ++i)
        open.emplace_back(&array[i], &(*to->as_.array)[i]);
    } else if (from->tag_ == Tag::object) {
      *to = Object();
      Object& copy = *to->as_.object;
      copy.members_.reserve(from->as_.object->size());
      for (const Member& member : *from->as_.object) {
        copy.members_.push_back({member.key, nullptr});
        open.emplace_back(&member.value, &copy.members_.back().value);
      }
      copy.index_ = from->as_.object->index_;
    } else if (from->tag_ == Tag::string) {
      *to = *from->as_.string;
    } else {
      to->tag_ = from->tag_;
      to->as_ = from->as_;
    }
  }
}

// Of the same tag, and neither array nor object.
bool Value::same_plain(const Value& a, const Value& b) noexcept {
  switch (a.tag_) {
    case Tag::boolean:
      return a.as_.boolean == b.as_.boolean;
    case Tag::integer:
      return a.as_.integer == b.as_.integer;
    case Tag::large:
      return a.as_.large == b.as_.large;
    case Tag::real:
      return a.as_.real == b.as_.real && std::signbit(a.as_.real) == std::signbit(b.as_.real);
    case Tag::string:
      return *a.as_.string == *b.as_.string;
    default:
      return true;
  }
}

bool operator==(const Value& a, const Value& b) {
  std::vector<std::pair<const Value*, const Value*>> open = {{&a, &b}};
  while (!open.empty()) {
    const auto [left, right] = open.back();
    open.pop_back();
    if (left->tag_ != right->tag_) return false;
    if (left->tag_ < Value::Tag::array) {
      if (!Value::same_plain(*left, *right)) return false;
      continue;
    }
    if (left->size() != right->size()) return false;
    if (left->tag_ == Value::Tag::array) {
      for (std::size_t i = 0; i < left->size(); ++i) open.emplace_back(&(*left)[i], &(*right)[i]);
    } else {
      for (const Member& member : *left->as_.object) {
        const Value* there = right->find(member.key);
        if (there == nullptr) return false;
        open.emplace_back(&member.value, there);
      }
    }
  }
  return true;
}

// ---- Destroying
// ----------------------------------------------------------------------------------

bool Value::holds_values() const noexcept {
  return (tag_ == Tag::array && !as_.array->empty()) ||
         (tag_ == Tag::object && !as_.object->empty());
}

bool Value::holds_one() const noexcept {
  return (tag_ == Tag::array ? as_.array->size() : as_.object->size()) == 1;
}

Value& Value::first_inside() noexcept {
  return tag_ == Tag::array ? as_.array->front() : as_.object->members_.front().value;
}

Value& Value::last_inside() noexcept {
  return tag_ == Tag::array ? as_.array->back() : as_.object->members_.back().value;
}

void Value::drop_last() noexcept {
  if (tag_ == Tag::array)
    as_.array->pop_back();
  else
    as_.object->members_.pop_back();
}

// A destructor that went from value to value would go as deep as the value does, and one that kept
// a list of what is still to do would need memory at the worst moment. So the way back is kept in
// the values themselves (the idea is Schorr and Waite's, 1967): on entering an inner container we
// need one place in it for the outer one, and leaving the outer one left a place free there. The
// first of the inner values goes to that place, and the outer container to where that one was.
//
//     outer: [a, b, [c, d, e]]     ->     inner: [outer, d, e]     outer: [a, b, c]
void Value::empty_out() noexcept {
  Value current = std::move(*this);
  std::size_t depth = 0;
  while (current.holds_values()) {  // false only for the outermost: any other holds its outer one
    Value& last = current.last_inside();
    if (depth > 0 && current.holds_one()) {
      Value outer = std::move(last);
      current = std::move(outer);
      --depth;
    } else if (last.holds_values()) {
      Value inner = std::move(last);
      Value& first = inner.first_inside();
      last = std::move(first);
      first = std::move(current);
      current = std::move(inner);
      ++depth;
    } else {
      current.drop_last();
    }
  }
}

void Value::destroy() noexcept {
  if (holds_values()) return empty_out();
  if (tag_ == Tag::string)
    delete as_.string;
  else if (tag_ == Tag::array)
    delete as_.array;
  else
    delete as_.object;
}

}  // namespace simul::json
