//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import CHiredis
internal import HTTPCache

/// Reading an answer in the thread of the caller who waits for it (``RedisConfiguration/callerWaitLimit``): who does so is
/// woken by the server, not by the loop, and the loop is not woken at all.
extension RedisConnection {
  /// Waits for the answer to `call`, which has been sent, and reads it; gives up after a moment, and leaves it to the loop.
  ///
  /// The socket cannot be closed meanwhile: that waits for the lock which is held here.
  ///
  /// - Parameter number: That of `ReadingTurn.Duty.read`.
  func readAnswer(to call: RedisCall, number: Int, now: Int64) {
    var problem: RedisError?
    var awakened: [UnsafeContinuation<Void, Never>] = []
    let generation = reception.withLock { reception in
      while !call.isSettled, problem == nil {
        let remaining = now + settings.callerWait - MonotonicTime.now
        guard remaining > 0, reception.descriptor >= 0, chr_wait_readable(reception.descriptor, remaining) != 0 else {
          break
        }
        do throws(RedisError) {
          // Some rounds only, as the loop: then the time is looked at again.
          for _ in 0..<8 { guard try reception.receive(into: callerScratch) else { break } }
        } catch {
          problem = error
        }
        problem = deliver(&reception.replies, to: &awakened, now: now) ?? problem
      }
      return reception.generation
    }
    let isAnswered = call.isSettled
    let wakesLoop = shared.withLock { shared in
      shared.turn.finished(number, waiting: shared.machine.callCount, isAnswered: isAnswered)
    }
    for waiter in awakened { waiter.resume() }
    if let problem {
      loop.execute { [self] in
        // Unless the loop has found that out itself, and there is another connection.
        if reception.withLock({ $0.generation }) == generation { fail(problem) }
      }
    }
    guard wakesLoop else { return }
    loop.requestFlush(self)
    loop.note(deadline: call.deadline)
  }

  /// Gives the replies to those who wait for them: the caller itself, and whoever has asked since.
  ///
  /// - Returns: What is wrong with them.
  private func deliver(
    _ replies: inout [RedisReply], to awakened: inout [UnsafeContinuation<Void, Never>], now: Int64
  ) -> RedisError? {
    let problem = shared.withLock { shared -> RedisError? in
      var answered = 0
      var problem: RedisError?
      shared.machine.sawSignOfLife(now: now)
      for index in replies.indices {
        switch shared.machine.received(exchange(&replies[index], with: .null)) {
        case .none: break
        case .deliver(let call, let replies):
          answered += 1
          if let waiter = call.settle(.success(replies)) { awakened.append(waiter) }
        case .unsolicited(let reply): problem = reply.error ?? Self.unsolicited
        case .signIn: problem = Self.unsolicited
        }
      }
      shared.callers.answered(answered)
      return problem
    }
    replies.removeAll(keepingCapacity: true)
    return problem
  }

  static let unsolicited = RedisError(
    .protocolViolation, "the server answered what nobody asked; the connection cannot be trusted")
}
