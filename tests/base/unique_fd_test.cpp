#include "runtime/base/unique_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <utility>

namespace simul {
namespace {

int open_one() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_GE(fd, 0);
  return fd;
}
bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) != -1;
}

TEST(UniqueFd, ClosesWhenItGoes) {
  int number;
  {
    const UniqueFd fd(open_one());
    number = fd.get();
    EXPECT_TRUE(is_open(number));
    EXPECT_TRUE(fd);
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, DescriptorZeroIsOneToo) {
  const int copy = ::dup(0);
  ::close(0);
  {
    const UniqueFd zero(open_one());
    EXPECT_EQ(zero.get(), 0);
    EXPECT_TRUE(zero);
  }
  EXPECT_FALSE(is_open(0));
  if (copy >= 0) ::dup2(copy, 0), ::close(copy);
}

TEST(UniqueFd, IsEmptyByDefault) {
  const UniqueFd none;
  EXPECT_EQ(none.get(), -1);
  EXPECT_FALSE(none);
}

TEST(UniqueFd, MovingGivesTheDescriptorAway) {
  UniqueFd one(open_one());
  const int first = one.get();
  UniqueFd two = std::move(one);
  EXPECT_FALSE(one);
  EXPECT_EQ(two.get(), first);
  UniqueFd three(open_one());
  const int second = three.get();
  three = std::move(two);
  EXPECT_FALSE(is_open(second));
  EXPECT_EQ(three.get(), first);
  UniqueFd& itself = three;
  three = std::move(itself);
  EXPECT_TRUE(is_open(first));
}

TEST(UniqueFd, ResetClosesAndTakesOver) {
  UniqueFd fd(open_one());
  const int first = fd.get();
  fd.reset(open_one());
  EXPECT_FALSE(is_open(first));
  EXPECT_TRUE(is_open(fd.get()));
  fd.reset();
  fd.reset();
  EXPECT_FALSE(fd);
}

TEST(UniqueFd, ReleaseKeepsItOpen) {
  UniqueFd fd(open_one());
  const int number = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

}  // namespace
}  // namespace simul
