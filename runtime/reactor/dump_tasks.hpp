// dump_tasks: who has not ended, and what does everybody wait for?
//
//     simul: 2 tasks, 1 fiber
//       task 'main' runs
//       task 'fetch' waits for readable, 4 coroutines deep
//       fiber 'One' is ready
//
// The first thing to ask of a program that seems to hang. From outside it is asked by a signal:
// under SIMUL_DEBUG=1 Ctrl-\ (SIGQUIT) prints the list and the program goes on (debug.cpp).
//
// Listed is what the reactor owns, in the order in which it was made. Callbacks are not, for nobody
// waits in them; neither is the main program's own wait.
#pragma once

#include <cstdio>
#include <string>

namespace simul {

class Routine;

/// Lists every task and fiber of this thread's reactor that has not ended, a line each: kind and
/// name, what it does, and for a task how many coroutines are in the middle of calling each other
/// (one goes without saying). May be called from anywhere in that thread.
void dump_tasks(std::FILE* out = stderr);

/// What `routine` does: "runs", "is ready", "waits for sleep".
std::string describe_state(const Routine& routine);

}  // namespace simul
