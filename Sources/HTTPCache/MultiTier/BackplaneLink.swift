//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// This node's end of a backplane: numbers its messages and sends them one after the other, without anybody waiting.
final class BackplaneLink: Sendable {
  /// How many messages wait at most; beyond that the oldest are lost, which the others notice.
  static let limit = 4096

  private struct State {
    var sequence: UInt64 = 0
    var waiting = RingQueue<BackplaneMessage>()
    var isSending = false
    /// Comes when nothing is being sent any more; nil while nobody waits for that.
    var idle: OneShot<Void>?
  }

  let backplane: any Backplane
  let publisher = UInt64.random(in: 1 ... .max)
  private let reporter: TierReporter
  private let clock: CacheClock
  private let timeout: Duration?
  private let heartbeatInterval: Duration
  private let state = Locked(State())

  init(_ backplane: any Backplane, reporter: TierReporter, configuration: TierConfiguration) {
    self.backplane = backplane
    self.reporter = reporter
    clock = configuration.clock
    timeout = configuration.timeout
    heartbeatInterval = configuration.heartbeatInterval
  }

  func publish(_ content: BackplaneMessage.Content) {
    var content = content
    // A predicate is code of this process.
    if case .invalidation(let invalidation) = content, case .matching = invalidation.target { content = .doubt }
    let starts = state.withLock { state -> Bool in
      // A heartbeat says how many there have been; it is none itself.
      if case .heartbeat = content {} else { state.sequence += 1 }
      state.waiting.append(BackplaneMessage(publisher: publisher, sequence: state.sequence, content: content))
      if state.waiting.count > Self.limit { state.waiting.removeFirst(Self.limit / 4) }
      defer { state.isSending = true }
      return !state.isSending
    }
    if starts { Task.detached { await self.send() } }
  }

  private func send() async {
    while true {
      let batch = state.withLock { state -> RingQueue<BackplaneMessage> in
        defer { state.waiting.removeAll() }
        return state.waiting
      }
      for message in batch {
        do {
          try await withDeadline(timeout, clock) { [backplane] in try await backplane.publish(message) }
        } catch {
          reporter.report(.backplaneFailed, nil, error)
        }
      }
      let (isDone, idle) = state.withLock { state -> (Bool, OneShot<Void>?) in
        guard state.waiting.isEmpty else { return (false, nil) }
        state.isSending = false
        defer { state.idle = nil }
        return (true, state.idle)
      }
      guard isDone else { continue }
      idle?.finish(())
      return
    }
  }

  /// Says that this node is there, until the task is cancelled.
  func beat() async {
    while (try? await clock.sleep(until: clock.now.advanced(by: heartbeatInterval))) != nil {
      publish(.heartbeat)
    }
  }

  /// Returns when all messages have been sent, or at the limit.
  func finish(within limit: Duration) async {
    _ = try? await withDeadline(limit, clock) { [self] in
      let idle = state.withLock { state -> OneShot<Void>? in
        guard state.isSending else { return nil }
        let idle = state.idle ?? OneShot()
        state.idle = idle
        return idle
      }
      _ = await idle?.value()
    }
  }
}
