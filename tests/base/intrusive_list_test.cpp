#include "runtime/base/intrusive_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <memory>
#include <random>
#include <vector>

namespace simul {
namespace {

struct Other;
struct Item : ListNode<>, ListNode<Other> {
  explicit Item(int v) : value(v) {}
  int value;
};
using Main = List<Item>;

std::vector<int> values(Main& list) {
  std::vector<int> all;
  for (Item* item = list.front(); item != nullptr; item = list.next(*item)) {
    all.push_back(item->value);
  }
  return all;
}
using Values = std::vector<int>;

TEST(IntrusiveList, StartsEmpty) {
  Main list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_EQ(list.back(), nullptr);
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(IntrusiveList, KeepsTheOrderOfBothEnds) {
  Item a(1), b(2), c(3);
  Main list;
  list.push_back(b);
  list.push_back(c);
  list.push_front(a);
  EXPECT_EQ(values(list), (Values{1, 2, 3}));
  EXPECT_EQ(list.front(), &a);
  EXPECT_EQ(list.back(), &c);
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_FALSE(static_cast<ListNode<>&>(a).linked());
  EXPECT_EQ(values(list), (Values{2, 3}));
}

TEST(IntrusiveList, AnElementTakesItselfOffWhereverItIs) {
  Item a(1), b(2), c(3);
  Main list;
  for (Item* item : {&a, &b, &c}) list.push_back(*item);
  static_cast<ListNode<>&>(b).unlink();
  static_cast<ListNode<>&>(b).unlink();
  EXPECT_EQ(values(list), (Values{1, 3}));
  list.push_back(b);
  EXPECT_EQ(values(list), (Values{1, 3, 2}));
}

TEST(IntrusiveList, ADestroyedElementLeaves) {
  Main list;
  Item a(1);
  list.push_back(a);
  {
    Item b(2);
    list.push_back(b);
  }
  EXPECT_EQ(values(list), (Values{1}));
}

TEST(IntrusiveList, ADestroyedListLetsGo) {
  Item a(1);
  {
    Main list;
    list.push_back(a);
    EXPECT_TRUE(static_cast<ListNode<>&>(a).linked());
  }
  EXPECT_FALSE(static_cast<ListNode<>&>(a).linked());
}

TEST(IntrusiveList, OneElementMayBeOnSeveralListsByDifferentTags) {
  Item a(1);
  Main one;
  List<Item, Other> two;
  one.push_back(a);
  two.push_back(a);
  static_cast<ListNode<>&>(a).unlink();
  EXPECT_TRUE(one.empty());
  EXPECT_EQ(two.front(), &a);
}

TEST(IntrusiveList, SplicesAllOfAnotherBehindItsOwn) {
  Item a(1), b(2), c(3);
  Main one, two;
  one.splice_back(two);
  EXPECT_TRUE(one.empty());
  two.push_back(b);
  two.push_back(c);
  one.push_back(a);
  one.splice_back(two);
  EXPECT_EQ(values(one), (Values{1, 2, 3}));
  EXPECT_TRUE(two.empty());
  two.splice_back(one);
  EXPECT_EQ(values(two), (Values{1, 2, 3}));
  two.push_back(*std::make_unique<Item>(4));  // and gone again
  EXPECT_EQ(values(two), (Values{1, 2, 3}));
}

TEST(IntrusiveList, AgreesWithStdListOverRandomOperations) {
  std::mt19937 random(7);
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 50; ++i) items.push_back(std::make_unique<Item>(i));
  Main list;
  std::list<int> model;
  for (int step = 0; step < 20'000; ++step) {
    Item& item = *items[random() % items.size()];
    const bool linked = static_cast<ListNode<>&>(item).linked();
    ASSERT_EQ(linked, std::count(model.begin(), model.end(), item.value) == 1);
    switch (random() % 4) {
      case 0:
        if (!linked) list.push_back(item), model.push_back(item.value);
        break;
      case 1:
        if (!linked) list.push_front(item), model.push_front(item.value);
        break;
      case 2:
        static_cast<ListNode<>&>(item).unlink();
        model.remove(item.value);
        break;
      case 3:
        if (Item* first = list.pop_front()) {
          ASSERT_EQ(first->value, model.front());
          model.pop_front();
        }
    }
    ASSERT_EQ(list.empty(), model.empty());
  }
  EXPECT_EQ(values(list), Values(model.begin(), model.end()));
}

}  // namespace
}  // namespace simul
