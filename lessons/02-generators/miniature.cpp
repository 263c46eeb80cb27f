// A generator from nothing: what the compiler makes of co_yield, and the little one has to add.
//
// A function whose body contains co_yield is a coroutine. The compiler puts its parameters and
// local variables into a block of memory, the frame, with a note of where to go on. Then it asks
// the function's return type for a nested promise_type, and calls its members at fixed moments:
//
//   caller                          promise_type
//   ------                          ------------
//   count("One", 3)             ->  operator new           memory for the frame
//                               ->  get_return_object      what the caller gets
//                               ->  initial_suspend        stop before the first line? yes
//   handle.resume()             ->                         the body runs ...
//   <- resume() returns         <-  yield_value            ... up to a co_yield, and stops
//   handle.resume()             ->                         it goes on behind that co_yield ...
//   <- resume() returns         <-  final_suspend          ... and reaches its end: stop once more
//   handle.destroy()            ->  operator delete        the frame goes
//
// What runtime/generator/generator.hpp does beyond this: values of any type without a copy, send()
// and close(), range-for, and an error instead of a crash when a generator runs itself.
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>
#include <vector>

class Generator {
 public:
  struct promise_type {
    int value = 0;             // what was yielded last
    std::exception_ptr error;  // what left the body, if something did

    Generator get_return_object() {
      return Generator(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    // suspend_always: stop here and return to whoever called resume().
    std::suspend_always initial_suspend() { return {}; }
    std::suspend_always yield_value(int yielded) {
      value = yielded;
      return {};
    }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { error = std::current_exception(); }

    // The compiler would use ::operator new by itself; this one only tells how much it asks for.
    static void* operator new(std::size_t size) {
      std::printf("        (a frame of %zu bytes is made)\n", size);
      return ::operator new(size);
    }
    static void operator delete(void* frame) {
      std::printf("        (a frame is destroyed)\n");
      ::operator delete(frame);
    }
  };

  Generator(Generator&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Generator& operator=(Generator&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Generator() {
    if (handle_) handle_.destroy();  // and with the frame the variables that live in it
  }

  // Runs the body up to its next co_yield. False: there was none, the body has ended.
  bool next() {
    if (handle_.done()) return false;
    handle_.resume();
    if (std::exception_ptr error = std::exchange(handle_.promise().error, nullptr)) {
      std::rethrow_exception(error);
    }
    return !handle_.done();
  }

  int value() const { return handle_.promise().value; }

 private:
  explicit Generator(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;  // a pointer to the frame
};

// `name` and `limit` move into the frame, and `i` and `farewell` live there: that is why they are
// still the same after the function has returned to its caller in the middle of the loop.
Generator count(const char* name, int limit) {
  struct Farewell {
    const char* name;
    ~Farewell() { std::printf("%s lets go of its variables\n", name); }
  } farewell{name};

  for (int i = 1; i <= limit; ++i) co_yield i;
  std::printf("%s has reached its end\n", name);
}

int main() {
  std::vector<std::pair<const char*, Generator>> tasks;
  tasks.reserve(3);
  tasks.emplace_back("One", count("One", 3));
  tasks.emplace_back("Two", count("Two", 1));
  tasks.emplace_back("Three", count("Three", 1000));
  std::printf("Three generators, and no line of their bodies has run.\n");

  for (int round = 1; round <= 4; ++round) {
    std::printf("round %d\n", round);
    for (auto task = tasks.begin(); task != tasks.end();) {
      auto& [name, generator] = *task;
      if (generator.next()) {
        std::printf("%s yields %d\n", name, generator.value());
        ++task;
      } else {
        task = tasks.erase(task);  // the task after it moves up and has its turn next
      }
    }
  }

  std::printf("Three was to go up to 1000. We have seen enough and drop it where it stands.\n");
  tasks.clear();
  return EXIT_SUCCESS;
}
