// Virtual time, from nothing: a clock that jumps.
//
// Nothing happens between two events. So a program that only waits need not wait: it keeps what is
// to happen in a queue that gives the earliest first, takes that, sets the clock to its time, and
// runs it; which may put further events into the queue. That is the whole of it:
//
//     the queue      0:05 she has moved at 1   0:10 ...          1:00 reply at 1
//     the clock      0:00 ---- jumps ----> 0:05 -- jumps --> ... -- jumps --> 1:00
//
// Equal times go in the order in which they were set, or two runs could differ.
//
// On it: a chess exhibition. The master goes wherever a reply is waiting, or waits for one.
#include <cstdio>
#include <deque>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

// ---- The idea ----

struct Event {
  long at;
  long number;  // in the order in which they were set
  std::function<void()> what;

  bool operator<(const Event& other) const {  // the queue gives the largest first
    return std::pair(at, number) > std::pair(other.at, other.number);
  }
};

class Clock {
 public:
  long now() const { return now_; }

  void in(long seconds, std::function<void()> what) {
    events_.push({now_ + seconds, ++last_number_, std::move(what)});
  }

  // Until nothing is to happen any more.
  void run() {
    while (!events_.empty()) {
      const Event next = events_.top();
      events_.pop();
      now_ = next.at;
      next.what();
    }
  }

 private:
  long now_ = 0;
  long last_number_ = 0;
  std::priority_queue<Event> events_;
};

// ---- The exhibition ----

constexpr int kBoards = 24, kPairs = 30;
constexpr long kMove = 5, kReply = 55;

Clock the_clock;
std::deque<int> her_turn;  // the boards that wait for her
bool she_thinks = false;
std::vector<int> moves(kBoards + 1);
long last_move = 0, last_reply = 0, thought = 0;

// She goes to the next board that waits for her, unless she is at one or there is none.
void next_board() {
  if (she_thinks || her_turn.empty()) return;
  const int board = her_turn.front();
  her_turn.pop_front();
  she_thinks = true;
  the_clock.in(kMove, [board] {
    she_thinks = false;
    last_move = the_clock.now();
    thought += kMove;
    if (++moves[board] <= 2 && board <= 2)
      std::printf("%2ld:%02ld  her move %d at board %d\n", last_move / 60, last_move % 60,
                  moves[board], board);
    the_clock.in(kReply, [board] {
      last_reply = the_clock.now();
      if (moves[board] < kPairs) her_turn.push_back(board);
      next_board();
    });
    next_board();
  });
}

int main() {
  for (int board = 1; board <= kBoards; ++board) her_turn.push_back(board);
  next_board();
  the_clock.run();
  std::printf("%ld:%02ld  her last move; she has thought for %ld s of %ld\n", last_move / 60,
              last_move % 60, thought, last_move);
  std::printf("%ld:%02ld  the last reply\n", last_reply / 60, last_reply % 60);
}
