// What a task goes by in a trace, if it was given no name: the first text among the arguments of
// its coroutine.
//
// A coroutine is called before anybody knows whether it will be a task, and its arguments are out
// of reach afterwards. So while an observer is there, and only then, its promise notes that text
// here, by its own address. The invariant: what is noted for an address is of the last promise that
// was made there; one without a text removes what an earlier one has left.
#pragma once

#include <string>
#include <string_view>

namespace simul::detail {

/// `promise` was made, of a coroutine with that text. Thread: each has notes of its own.
void note_name(const void* promise, std::string_view name) noexcept;

/// What was noted for it, or "".
std::string take_name(const void* promise);

}  // namespace simul::detail
