// Which commands change the connection on which they are sent, or hold it up.
//
// A connection that many callers share must stay as it is, and must answer at once. So commands
// that leave something behind on it (WATCH, MULTI, SELECT) or that wait inside the server (BLPOP)
// are refused there, and go over connections of their own.
//
// It knows names only: what an argument makes of a command (XREAD ... BLOCK, CLIENT REPLY OFF) is
// for the caller to know.
#pragma once

#include <string_view>

namespace simul::redis::detail {

/// Are two command names the same? Upper and lower case are.
bool same_command(std::string_view a, std::string_view b) noexcept;

/// Does it leave something behind on its connection?
bool leaves_traces(std::string_view command) noexcept;

/// Does it wait inside the server?
bool blocks(std::string_view command) noexcept;

/// Does it make messages come that nobody has asked for one by one?
bool subscribes(std::string_view command) noexcept;

}  // namespace simul::redis::detail
