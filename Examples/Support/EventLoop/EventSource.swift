//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop

  /// What an event loop watches a socket for.
  protocol EventSource: AnyObject, Sendable {
    /// Called on the loop's thread when something has happened to the socket.
    nonisolated func socketIsReady(_ events: ReadyEvents)
  }

  extension Actor where Self: EventSource {
    /// `assumeIsolated` for an actor on `loop`, by asking the loop rather than the runtime: this happens for every event.
    ///
    /// - Precondition: The calling thread is the loop's.
    @inline(__always)
    nonisolated func onLoop(_ loop: EventLoop, _ body: (isolated Self) -> Void) {
      loop.checkIsolated()
      withoutActuallyEscaping(body) { body in
        // As in the standard library: isolation is no part of how a function is called, and the loop has been asked.
        unsafeBitCast(body, to: ((Self) -> Void).self)(self)
      }
    }
  }
#endif
