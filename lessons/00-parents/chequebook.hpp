// Two parents and one chequebook: an update that is lost, and two ways to lose none.
//
// To write a cheque is to read the balance, subtract, and write the new balance down. If both read
// before either writes, both write the same number, and one cheque is in no book. Here they meet
// between reading and writing (a barrier), so that it happens every time, and not once in a while.
//
// The balance is atomic: each reading and each writing is a whole, in an order on which all threads
// agree, and no tool that looks for data races finds one. It does not help. What has to be a whole
// is the cheque.
#pragma once

#include <atomic>
#include <barrier>
#include <mutex>
#include <thread>

#include "lessons/00-parents/channel.hpp"

namespace parents {

inline constexpr int kInTheBank = 1000;
inline constexpr int kCheque = 10;

/// What the book should say after so many cheques of each of the two.
inline int right_balance(int cheques_each) {
  return kInTheBank - 2 * cheques_each * kCheque;
}

/// Runs `parent` in two threads, to the end of both.
template <class Function>
void two_parents(Function parent) {
  std::thread one(parent), two(parent);
  one.join();
  two.join();
}

/// One cheque, as if nobody else had the book; `meanwhile` is what goes on in the world.
template <class Function>
void write_cheque(std::atomic<int>& balance, Function meanwhile) {
  const int was = balance;
  meanwhile();
  balance = was - kCheque;
}

// Each of these returns what the book says in the end.

/// Both write their cheques at the same time, each time: both have read before either writes, and
/// both have written before either reads again.
inline int both_at_the_book(int cheques_each) {
  std::atomic<int> balance = kInTheBank;
  std::barrier both(2);
  two_parents([&] {
    for (int i = 0; i < cheques_each; ++i) {
      write_cheque(balance, [&] { both.arrive_and_wait(); });
      both.arrive_and_wait();
    }
  });
  return balance;
}

/// The same without an appointment. How many are lost is luck, and often it is none.
inline int by_luck(int cheques_each) {
  std::atomic<int> balance = kInTheBank;
  two_parents([&] {
    for (int i = 0; i < cheques_each; ++i) write_cheque(balance, [] {});
  });
  return balance;
}

/// The first way: who writes a cheque has the book, from the reading to the writing. (There can be
/// no meeting in between now: one of the two is not in.)
inline int with_a_mutex(int cheques_each) {
  int balance = kInTheBank;
  std::mutex book;
  two_parents([&] {
    for (int i = 0; i < cheques_each; ++i) {
      const std::lock_guard lock(book);
      const int was = balance;
      balance = was - kCheque;
    }
  });
  return balance;
}

/// The second way: nobody has the book but a keeper, and the parents send her notes.
inline int with_messages(int cheques_each) {
  Channel<int> notes;
  int balance = kInTheBank;  // the keeper's alone, until she has ended
  std::thread keeper([&] {
    while (const auto amount = notes.take()) balance -= *amount;
  });
  two_parents([&] {
    for (int i = 0; i < cheques_each; ++i) notes.put(kCheque);
  });
  notes.close();
  keeper.join();
  return balance;
}

}  // namespace parents
