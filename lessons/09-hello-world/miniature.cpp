// Tasks from nothing: what the compiler makes of co_await, and the little that one has to add.
//
// Each coroutine has a frame of its own on the heap (lesson 02), and each knows who called it:
//
//     main --> Job --next--> [ world ] --caller--> [ hello ]
//
// `co_await something` is three calls on `something`. await_ready(): is it there already? then do
// not stop. await_suspend(frame): this frame has stopped; say whose turn it is. await_resume(): we
// go on; the value of the whole expression.
//
// To start the callee by resume(), inside of await_suspend, would put each call on the thread's
// stack on top of its caller, and a deep one overflows it. A jump, which the language offers, too
// (symmetric transfer), may become a call after all, as in g++ without optimisation. So ours notes
// in `job->next` whose turn it is, and goes back to a loop, the trampoline, which resumes that one.
#include <chrono>
#include <coroutine>
#include <cstdio>
#include <deque>
#include <exception>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono;

// ---- The loop ----

struct Job {                     // what runs beside others
  std::coroutine_handle<> next;  // the innermost of its frames: the one that goes on
};

std::deque<Job*> ready;
std::multimap<steady_clock::time_point, Job*> asleep;
Job* job = nullptr;  // that runs; null as soon as it has to wait, or has ended

void turn() {
  if (ready.empty()) {
    const auto first = asleep.extract(asleep.begin());
    std::this_thread::sleep_until(first.key());  // the only place where anything blocks
    ready.push_back(first.mapped());
  }
  job = ready.front();
  ready.pop_front();
  while (job != nullptr) job->next.resume();  // the trampoline
}

// ---- co_await Sleep{...} ----

struct Sleep {
  milliseconds delay;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<>) const {
    asleep.emplace(steady_clock::now() + delay, std::exchange(job, nullptr));
  }
  void await_resume() const {}
};

// ---- co_await task: a call ----

class Task {
 public:
  struct promise_type;
  using Frame = std::coroutine_handle<promise_type>;
  struct Return {  // awaited at the closing brace
    bool await_ready() const noexcept { return false; }
    void await_suspend(Frame frame) const noexcept {
      job->next = frame.promise().caller;
      if (job->next == nullptr) job = nullptr;  // that was the outermost
    }
    void await_resume() const noexcept {}
  };

  struct promise_type {
    std::coroutine_handle<> caller;  // null: the outermost
    std::string result;
    std::exception_ptr error;
    Task get_return_object() { return Task(Frame::from_promise(*this)); }
    std::suspend_always initial_suspend() { return {}; }  // the call alone runs nothing
    Return final_suspend() noexcept { return {}; }
    void return_value(std::string value) { result = std::move(value); }
    void unhandled_exception() { error = std::current_exception(); }
  };

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  ~Task() {
    if (frame_) frame_.destroy();
  }

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> caller) const {
    frame_.promise().caller = caller;
    job->next = frame_;
  }
  std::string await_resume() const {
    if (frame_.promise().error) std::rethrow_exception(frame_.promise().error);
    return std::move(frame_.promise().result);
  }
  Frame frame() const { return frame_; }

 private:
  explicit Task(Frame frame) : frame_(frame) {}
  Frame frame_;
};

// Runs tasks side by side until all have ended.
void run(const std::vector<Task>& tasks) {
  std::deque<Job> jobs;
  for (const Task& task : tasks) ready.push_back(&jobs.emplace_back(Job{task.frame()}));
  while (!ready.empty() || !asleep.empty()) turn();
  for (const Task& task : tasks) task.await_resume();  // if one has failed, so have we
}

// ---- The tasks ----
Task world(milliseconds delay) {
  co_await Sleep{delay};
  co_return "World!";
}

Task hello(std::string name, milliseconds delay) {
  std::printf("%s: Hello\n", name.c_str());
  const std::string text = co_await world(delay);
  std::printf("%s: %s\n", name.c_str(), text.c_str());
  co_return "";
}

[[gnu::noinline]] char* top_of_stack() {
  return static_cast<char*>(__builtin_frame_address(0));
}

// Calls itself `depth` times, and looks at the thread's stack up here and down there.
Task dive(int depth, char* surface = nullptr) {
  if (surface == nullptr) surface = top_of_stack();
  if (depth > 0) co_return co_await dive(depth - 1, surface);
  std::printf("At the bottom the thread's stack is %td bytes longer.\n", surface - top_of_stack());
  co_return "";
}

int main() {
  const auto start = steady_clock::now();
  std::vector<Task> tasks;
  tasks.push_back(hello("One", milliseconds(300)));
  tasks.push_back(hello("Two", milliseconds(200)));
  tasks.push_back(dive(100'000));
  std::printf("Three tasks, one of them 100,000 calls deep. No line of theirs has run.\n");
  run(tasks);
  std::printf("%.1f s\n", duration<double>(steady_clock::now() - start).count());
}
