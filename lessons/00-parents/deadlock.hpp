// Two parents at washer and dryer: a deadlock, how one sees it, and two ways to have none.
//
// One has the washer and needs the dryer, to put the wet things in. Two has the dryer and needs the
// washer. Neither gives back what she has before she has the other, so both wait for ever. This
// happens if each has her first machine before either asks for the second, and here they meet in
// between to make sure of it (a latch): it happens every time, and luck has no part in it.
//
// A machine is a lock, and the room keeps the book on it: who has which, and who waits for which.
// Whoever can read that book sees a deadlock the moment it is there, because it is a circle:
//
//   One --waits for--> the dryer --is with--> Two --waits for--> the washer --is with--> One
//
// Nothing here waits for a while and hopes. (A plain std::mutex keeps no book, and a thread that
// waits for one cannot be called off: `for_ever` shows that.)
#pragma once

#include <condition_variable>
#include <cstdlib>
#include <latch>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lessons/common/lesson.hpp"

namespace parents {

struct Parent;

struct Machine {
  std::string name;
  Parent* is_with = nullptr;
};

struct Parent {
  std::string name;
  Machine* waits_for = nullptr;
  bool called_off = false;
};

/// Thrown to a parent who is to wait no longer.
struct CalledOff {};

/// The laundry room: one lock for its book, and a bell that rings at every change in it.
class Room {
 public:
  /// Waits until nobody has `machine`, and takes it. Throws CalledOff.
  void take(Parent& parent, Machine& machine) {
    std::unique_lock lock(book_);
    parent.waits_for = &machine;
    changed_.notify_all();
    changed_.wait(lock, [&] { return machine.is_with == nullptr || parent.called_off; });
    parent.waits_for = nullptr;
    if (parent.called_off) throw CalledOff{};
    machine.is_with = &parent;
  }

  void give_back(Machine& machine) {
    const std::lock_guard lock(book_);
    machine.is_with = nullptr;
    changed_.notify_all();
  }

  void go_home() {
    const std::lock_guard lock(book_);
    ++at_home_;
    changed_.notify_all();
  }

  /// Waits until the way from `parent` to whoever has what she waits for, and so on, comes back to
  /// where it has been: then nobody on it will ever move. Returns the way, a line for each of them;
  /// or nothing, if `all` have gone home.
  std::vector<std::string> watch(const Parent& parent, int all) {
    std::unique_lock lock(book_);
    std::vector<std::string> circle;
    changed_.wait(lock, [&] { return !(circle = circle_from(parent)).empty() || at_home_ == all; });
    return circle;
  }

  /// Tells a parent who waits to give up.
  void call_off(Parent& parent) {
    const std::lock_guard lock(book_);
    parent.called_off = true;
    changed_.notify_all();
  }

 private:
  static std::vector<std::string> circle_from(const Parent& start) {
    std::vector<std::string> circle;
    std::set<const Parent*> seen;
    for (const Parent* parent = &start; seen.insert(parent).second;) {
      const Machine* machine = parent->waits_for;
      if (machine == nullptr || machine->is_with == nullptr) return {};  // the way ends: no circle
      circle.push_back(parent->name + " waits for the " + machine->name + ", which " +
                       machine->is_with->name + " has");
      parent = machine->is_with;
    }
    return circle;
  }

  std::mutex book_;
  std::condition_variable changed_;
  int at_home_ = 0;
};

/// Has a machine for as long as it lives.
class Having {
 public:
  Having(Room& room, Parent& parent, Machine& machine) : room_(room), machine_(machine) {
    room_.take(parent, machine);
  }
  ~Having() { room_.give_back(machine_); }
  Having(const Having&) = delete;
  Having& operator=(const Having&) = delete;

 private:
  Room& room_;
  Machine& machine_;
};

/// One evening in the laundry room. Returns the circle in which both stood before Two was called
/// off, and adds what was moved from machine to machine in the end to `loads`.
inline std::vector<std::string> deadlock(int& loads) {
  Room room;
  Machine washer{"washer"}, dryer{"dryer"};
  Parent one{"One"}, two{"Two"};
  std::latch both_have_one(2);
  const auto move_a_load = [&](Parent& parent, Machine& first, Machine& second) {
    try {
      const Having mine(room, parent, first);
      both_have_one.arrive_and_wait();
      const Having other(room, parent, second);
      ++loads;  // whoever is here has both machines, so nobody else is
    } catch (const CalledOff&) {
      // what was taken has been given back
    }
    room.go_home();
  };
  std::thread first([&] { move_a_load(one, washer, dryer); });
  std::thread second([&] { move_a_load(two, dryer, washer); });
  const std::vector<std::string> circle = room.watch(one, 2);
  if (!circle.empty()) room.call_off(two);
  first.join();
  second.join();
  return circle;
}

/// The first way to have none: an order for all. Whoever needs both takes the washer first, and a
/// circle would need somebody who has the dryer and waits for the washer. Returns what was moved.
inline int in_one_order(int loads_each) {
  std::mutex washer, dryer;
  int loads = 0;
  const auto parent = [&] {
    for (int i = 0; i < loads_each; ++i) {
      const std::lock_guard first(washer);
      const std::lock_guard second(dryer);
      ++loads;
    }
  };
  std::thread one(parent), two(parent);
  one.join();
  two.join();
  return loads;
}

/// The second way: both machines at once. std::scoped_lock gives back what it has when it does not
/// get the rest, and tries again; so nobody ever has one and waits for the other.
inline int both_at_once(int loads_each) {
  std::mutex washer, dryer;
  int loads = 0;
  const auto parent = [&](std::mutex& mine, std::mutex& other) {
    for (int i = 0; i < loads_each; ++i) {
      const std::scoped_lock both(mine, other);
      ++loads;
    }
  };
  std::thread one([&] { parent(washer, dryer); });
  std::thread two([&] { parent(dryer, washer); });
  one.join();
  two.join();
  return loads;
}

/// The same deadlock with nobody to watch: it does not return.
[[noreturn]] inline void for_ever() {
  simul::say("One takes the washer, Two the dryer, and each asks for the other. Ctrl-C ends it.");
  std::mutex washer, dryer;
  std::latch both_have_one(2);
  const auto parent = [&](std::mutex& mine, std::mutex& other) {
    const std::lock_guard first(mine);
    both_have_one.arrive_and_wait();
    const std::lock_guard second(other);
  };
  std::thread one([&] { parent(washer, dryer); });
  std::thread two([&] { parent(dryer, washer); });
  one.join();
  two.join();
  std::abort();  // nobody gets here
}

}  // namespace parents
