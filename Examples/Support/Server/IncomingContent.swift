//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The content of the request that is being answered, between the socket and the handler.
struct IncomingContent {
  private enum Mode {
    /// There is none, or nobody may read it any more.
    case closed
    /// It is kept for the handler.
    case open
    /// It is thrown away so that the connection can go on; at most so many more octets.
    case discarded(Int)
    /// Whatever still arrives is thrown away; the connection is about to end.
    case lingering
  }

  private var mode = Mode.closed
  private var chunks: [Bytes] = []
  private var first = 0
  private var waiter: UnsafeContinuation<Void, Never>?
  private(set) var bufferedCount = 0
  private(set) var isComplete = false
  private(set) var trailers: HeaderFields?
  private(set) var failure: (any Error)?
  /// Whether the client waits to be told to send it.
  var needsContinue = false

  /// What a slow client earns for each octet it sends, in nanoseconds.
  private var earnedPerOctet: Int64 = 0
  private var fullBudget: Int64 = 0
  private var budget: Int64 = 0
  private var waitingSince: Int64?

  var parseFailure: ParseFailure? { failure as? ParseFailure }
  var isOpen: Bool {
    if case .open = mode { return true }
    return false
  }
  var isLingering: Bool {
    if case .lingering = mode { return true }
    return false
  }

  /// A new request is going to be answered. Its content may have begun to arrive.
  ///
  /// - Parameters:
  ///   - budget: How long the client may stall altogether.
  ///   - rate: What earns it that time again.
  mutating func begin(_ head: RequestHead, at now: Int64, budget: Int64, rate: ContentRate) {
    let length: Int? = if case .length(let length) = head.framing { length } else { nil }
    earnedPerOctet = 1_000_000_000 / Int64(rate.required(for: length))
    mode = head.framing == .none ? .closed : .open
    needsContinue = head.expectsContinue && bufferedCount == 0 && !isComplete
    fullBudget = budget
    self.budget = budget
    waitingSince = nil
  }

  /// The request has been answered: nobody reads any further.
  mutating func end() {
    mode = .closed
    chunks = []
    first = 0
    bufferedCount = 0
    isComplete = false
    trailers = nil
    failure = nil
    needsContinue = false
    wake()
  }

  mutating func discard(atMost limit: Int) { mode = .discarded(limit) }
  mutating func beginLingering() { mode = .lingering }

  /// Whether more may be taken from the socket.
  func hasRoom(_ limit: Int) -> Bool {
    switch mode {
    case .closed, .open: bufferedCount < limit
    case .discarded, .lingering: true
    }
  }

  /// Takes what has arrived.
  ///
  /// - Returns: false when it is more than the connection is worth.
  mutating func append(_ bytes: Bytes, at now: Int64) -> Bool {
    switch mode {
    case .closed, .open:
      chunks.append(bytes)
      bufferedCount += bytes.count
      if let since = waitingSince {
        let earned = Int64(bytes.count).multipliedReportingOverflow(by: earnedPerOctet)
        let spent = budget &- (now &- since)
        budget = earned.overflow ? fullBudget : min(fullBudget, spent &+ earned.partialValue)
        waitingSince = nil
      }
      needsContinue = false
      wake()
      return true
    case .discarded(let left):
      mode = .discarded(left - bytes.count)
      return bytes.count <= left
    case .lingering:
      return true
    }
  }

  mutating func complete(_ trailers: HeaderFields?) {
    isComplete = true
    needsContinue = false
    self.trailers = trailers
    wake()
  }

  mutating func fail(_ error: any Error) {
    if failure == nil, !isComplete { failure = error }
    wake()
  }

  mutating func pop() -> Bytes? {
    guard first < chunks.count else { return nil }
    let chunk = chunks[first]
    chunks[first] = Bytes()
    first += 1
    bufferedCount -= chunk.count
    if first == chunks.count {
      chunks.removeAll(keepingCapacity: true)
      first = 0
    }
    return chunk
  }

  /// Somebody waits from now on.
  ///
  /// - Returns: When the client's patience budget is used up.
  mutating func beginWaiting(at now: Int64) -> Int64 {
    if waitingSince == nil { waitingSince = now }
    return now &+ budget
  }

  mutating func setWaiter(_ continuation: UnsafeContinuation<Void, Never>) {
    precondition(waiter == nil, "a body has one reader, which reads one piece at a time")
    waiter = continuation
  }

  mutating func wake() {
    guard let waiter else { return }
    self.waiter = nil
    waiter.resume()
  }
}
