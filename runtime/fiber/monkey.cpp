// The names of libc's functions, taken. See monkey.hpp for why and patched.hpp for what they do.
//
// The list is all there is in here: a program links this object for its names, not for code.
// usleep and nanosleep both stand in it, although libc makes one from the other, because inside
// libc no call goes by name.

// A hardened build turns `read` into an inline function that calls __read_chk; not in here.
#undef _FORTIFY_SOURCE

#include "runtime/fiber/monkey.hpp"

#include "runtime/fiber/parking.hpp"
#include "runtime/fiber/patched.hpp"

namespace simul::monkey {

void patch_all() noexcept {
  PatchedCall::enable();
}

}  // namespace simul::monkey

namespace patched = simul::patched;

extern "C" {

unsigned sleep(unsigned seconds) {
  return patched::sleep(seconds);
}
int usleep(useconds_t microseconds) {
  return patched::usleep(microseconds);
}
int nanosleep(const timespec* wanted, timespec* left) {
  return patched::nanosleep(wanted, left);
}
int clock_nanosleep(clockid_t clock, int flags, const timespec* wanted, timespec* left) {
  return patched::clock_nanosleep(clock, flags, wanted, left);
}
}
