// Starting a program: what stands between vfork and exec.
//
// A process with threads must not simply fork: the child is a copy in which one thread lives on and
// every lock may be held by one that does not. Only exec makes a sound process of it, and until
// then only calls that POSIX lists as async-signal-safe are allowed. So everything that allocates
// is done before (`Launch`), and the child works down a list of system calls:
//
//     own group?  die with the parent  descriptors  directory  signals  exec
//                                                                        |  \.
//     the parent reads from a pipe that exec closes:  end of file: it runs  errno: it does not
//
// vfork rather than fork: the child borrows the parent's memory until it execs, so starting a
// program costs the same in a small process and in one of many gigabytes, whose page tables fork
// would copy while the loop stands still. The thread that spawns is held up until the exec.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace simul {

/// What to start, and the world in which it starts.
struct Launch {
  std::string program;                   ///< a path, or a name to be looked up in its PATH
  std::vector<std::string> arguments;    ///< its argv, the name included
  std::vector<std::string> environment;  ///< "NAME=value", all of it
  std::string directory;                 ///< "": the parent's
  /// `descriptors[n]` is the descriptor of this process that becomes the child's n; -1: n is
  /// closed. All others are closed in the child.
  std::vector<int> descriptors;
  bool own_group = false;  ///< leads a process group of its own
};

/// Starts it: its signals do what they do by default and none is blocked, and the kernel kills it
/// when the thread that called this ends (where the kernel can: Linux). Returns its process id;
/// the caller is to wait for it. Throws std::system_error, with nothing left behind: "spawn
/// nosuch: No such file or directory", "spawn ls in /nosuch: ...".
pid_t spawn_program(const Launch& launch);

}  // namespace simul
