// The monkey patch: blocking code that knows nothing of fibers becomes concurrent.
//
//     monkey::patch_all();
//     spawn(task, "One");     // calls ::sleep, ::read, ::connect, a library that does: each parks
//     spawn(task, "Two");     // its own fiber, and the other one runs meanwhile
//
// Python replaces functions in modules while the program runs. A C program finds its functions by
// name when it is linked and loaded, so we take the names: monkey.cpp defines `read`, `poll` and
// their like, and the program's definition comes before libc's, for the program's own code and for
// the shared libraries that it uses. patched.hpp says what these functions do.
//
// Only a program that is linked with monkey.o has them (it is no part of the library), and only
// after `patch_all`, and only in fibers: everywhere else the calls are libc's own.
//
// It needs dynamic linking: in a static program libc's own files use each other's names, and the
// two definitions collide. On macOS a library finds its functions by library and name, so there the
// patch reaches the program's own code alone (best effort, not tested here).
#pragma once

namespace simul::monkey {

/// From now on the blocking calls of all fibers of the process park them. For good; call it first
/// thing in main. Any thread. (gevent.monkey.patch_all)
void patch_all() noexcept;

}  // namespace simul::monkey
