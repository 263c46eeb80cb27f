// The promises of succeed, fail, maybe_deferred (runtime/deferred/succeed.hpp) and of lists of
// Deferreds (runtime/deferred/deferred_list.hpp), after what Twisted's documentation says.
#include "runtime/deferred/deferred_list.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/deferred/succeed.hpp"
#include "runtime/fiber/await.hpp"

namespace simul {
namespace {

class DeferredListTest : public testing::Test {
 protected:
  DeferredListTest() {
    loop_.set_exception_handler([this](const std::string&, std::exception_ptr error) {
      reports_.push_back(message_of(error));
    });
  }

  VirtualTime virtual_time_;
  Reactor loop_;
  std::vector<std::string> reports_;
  Deferred<int> a_, b_, c_;
};

/// "1 2 error: why"
std::string text(const std::vector<Outcome<int>>& outcomes) {
  std::string result;
  for (const Outcome<int>& o : outcomes) {
    if (!result.empty()) result += ' ';
    result += o.ok() ? std::to_string(o.value()) : "error: " + message_of(o.error());
  }
  return result;
}

template <class T>
T now(const Deferred<T>& d) {
  if (!d.called()) throw std::logic_error("nothing yet");
  return await(d.wait());
}

std::runtime_error error(const char* what) {
  return std::runtime_error(what);
}

TEST_F(DeferredListTest, SucceedAndFailHaveFired) {
  EXPECT_EQ(now(succeed(std::string("yes"))), "yes");
  EXPECT_TRUE(succeed().called());
  EXPECT_THROW(now(fail<int>(error("no"))), std::runtime_error);
}

TEST_F(DeferredListTest, MaybeDeferredGivesADeferredWhateverTheFunctionDoes) {
  EXPECT_EQ(now(maybe_deferred([](int n) { return n + 1; }, 1)), 2);
  EXPECT_EQ(now(maybe_deferred([] { return succeed(3); })), 3);
  EXPECT_NO_THROW(now(maybe_deferred([] {})));
  EXPECT_THROW(now(maybe_deferred([]() -> int { throw error("no"); })), std::runtime_error);
  EXPECT_THROW(now(maybe_deferred([]() -> Deferred<int> { throw error("no"); })),
               std::runtime_error);
}

TEST_F(DeferredListTest, FiresWhenAllHaveFiredInTheOrderOfTheList) {
  auto all = deferred_list(std::vector{a_, b_, c_}, {.consume_errors = true});
  c_.callback(3);
  a_.callback(1);
  EXPECT_FALSE(all.called());
  b_.errback(error("two"));
  EXPECT_EQ(text(now(all)), "1 error: two 3");
  EXPECT_TRUE(reports_.empty());
}

TEST_F(DeferredListTest, AnEmptyListFiresAtOnce) {
  EXPECT_TRUE(now(deferred_list(std::vector<Deferred<int>>())).empty());
  EXPECT_TRUE(now(gather_results(std::vector<Deferred<int>>())).empty());
  EXPECT_THROW(fire_on_one_callback(std::vector<Deferred<int>>()), std::invalid_argument);
}

TEST_F(DeferredListTest, TakesDeferredsThatHaveFired) {
  EXPECT_EQ(text(now(deferred_list(std::vector{succeed(1), succeed(2)}))), "1 2");
}

TEST_F(DeferredListTest, AFailureThatIsNotConsumedIsReportedToo) {
  auto all = deferred_list(std::vector{a_, b_});
  a_.errback(error("lost"));
  b_.callback(2);
  EXPECT_EQ(text(now(all)), "error: lost 2");
  EXPECT_EQ(reports_, std::vector<std::string>{"lost"});
}

TEST_F(DeferredListTest, WithFireOnOneErrbackTheFirstFailureFailsItAtOnce) {
  auto all =
      deferred_list(std::vector{a_, b_, c_}, {.fire_on_one_errback = true, .consume_errors = true});
  a_.callback(1);
  b_.errback(error("two"));
  try {
    now(all);
    FAIL() << "no error";
  } catch (const FirstError& first) {
    EXPECT_EQ(first.index(), 1u);
    EXPECT_EQ(message_of(first.error()), "two");
    EXPECT_STREQ(first.what(), "number 1 of the list failed: two");
  }
  c_.callback(3);  // counts for nothing
}

TEST_F(DeferredListTest, GatherResultsFiresWithTheValues) {
  auto all = gather_results(std::vector{a_, b_});
  b_.callback(2);
  a_.callback(1);
  EXPECT_EQ(now(all), (std::vector<int>{1, 2}));
}

TEST_F(DeferredListTest, GatherResultsFailsWithTheFirstError) {
  auto all = gather_results(std::vector{a_, b_}, /*consume_errors=*/true);
  b_.errback(error("two"));
  EXPECT_THROW(now(all), FirstError);
  a_.errback(error("one"));
  EXPECT_TRUE(reports_.empty());
}

TEST_F(DeferredListTest, ResultsThatCanOnlyBeMovedAndNoResultsAtAllMayBeGathered) {
  Deferred<std::unique_ptr<int>> pointer;
  auto pointers = gather_results(std::vector{pointer});
  pointer.callback(std::make_unique<int>(5));
  EXPECT_EQ(*now(pointers).front(), 5);
  Deferred<> nothing;
  auto done = gather_results(std::vector{nothing});
  EXPECT_FALSE(done.called());
  nothing.callback();
  EXPECT_NO_THROW(now(done));
}

TEST_F(DeferredListTest, FireOnOneCallbackFiresWithTheFirstValueAndItsPlace) {
  auto first = fire_on_one_callback(std::vector{a_, b_, c_}, {.consume_errors = true});
  a_.errback(error("one"));
  EXPECT_FALSE(first.called());
  c_.callback(3);
  b_.callback(2);
  const auto [index, value] = now(first);
  EXPECT_EQ(index, 2u);
  EXPECT_EQ(value, 3);
}

TEST_F(DeferredListTest, FireOnOneCallbackFailsWhenAllHaveFailed) {
  auto first = fire_on_one_callback(std::vector{a_, b_}, {.consume_errors = true});
  a_.errback(error("one"));
  b_.errback(error("two"));
  EXPECT_THROW(now(first), FirstError);
}

TEST_F(DeferredListTest, CancellingTheWholeCancelsEachThatHasNotFired) {
  std::string stopped;
  Deferred<int> x([&](Deferred<int>&) { stopped += 'x'; });
  Deferred<int> y([&](Deferred<int>&) { stopped += 'y'; });
  auto all = deferred_list(std::vector{x, a_, y});
  a_.callback(1);
  all.cancel();
  EXPECT_EQ(stopped, "xy");
  EXPECT_EQ(text(now(all)), "error: cancelled 1 error: cancelled");
}

TEST_F(DeferredListTest, AListWhoseDeferredsAreDroppedIsFreed) {
  auto token = std::make_shared<int>(1);
  Deferred<std::vector<Outcome<int>>> all;
  {
    Deferred<int> x, y;
    all = deferred_list(std::vector{x, y});
    all.add_callback([token](std::vector<Outcome<int>>) {});
    x.callback(1);
  }
  EXPECT_EQ(token.use_count(), 2);  // only `all` itself is left
  all.cancel();
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(DeferredListTest, AListMayBeWrittenDown) {
  EXPECT_EQ(text(now(deferred_list({succeed(1), succeed(2)}))), "1 2");
  EXPECT_EQ(now(gather_results({succeed(1), succeed(2)})), (std::vector<int>{1, 2}));
  EXPECT_EQ(now(fire_on_one_callback({a_, succeed(5)})).index, 1u);
}

TEST_F(DeferredListTest, AListThatNobodyHoldsStillFires) {
  std::string seen;
  deferred_list(std::vector{a_, b_}).add_callback([&](std::vector<Outcome<int>> outcomes) {
    seen = text(outcomes);
  });
  a_.callback(1);
  b_.callback(2);
  EXPECT_EQ(seen, "1 2");
}

}  // namespace
}  // namespace simul
