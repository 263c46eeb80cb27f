// The task that accepts: it takes connections off a listening socket and hands them on.
//
// It waits for two things in turn, a free place and a connection. The place goes with the
// connection and comes back when whoever serves it lets go of it; until then, those who come wait
// in the kernel's queue. Whatever accept(2) says, and it says a lot when descriptors or memory are
// short, the loop goes on trying, ten times a second: the reason may pass.
//
// The invariant: it never spins. Between two tries that fail it sleeps, and after a row of
// connections everybody else has a turn.
#pragma once

#include "runtime/base/callback.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/sync/semaphore.hpp"
#include "runtime/task/task.hpp"

namespace simul::detail {

/// What is done with a connection; `place` is given back when it goes. Must not wait. If it throws,
/// the connection is closed, and the error reported as one of accept's is.
using BeginConnection = Callback<void(net::Accepted accepted, Semaphore::Guard place)>;

/// Accepts at `listener`, which has `address`, until it is cancelled. An error is reported to the
/// reactor once, until a connection has been accepted again. The references must outlive it.
Task<> accept_all(Descriptor& listener, const net::Address& address, Semaphore& places,
                  BeginConnection& begin);

}  // namespace simul::detail
