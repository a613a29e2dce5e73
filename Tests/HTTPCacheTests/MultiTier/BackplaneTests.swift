//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// What one node invalidates, the others do not serve; and what they may have missed, they doubt.
@Suite(.timeLimit(.minutes(5))) struct BackplaneTests {
  enum Step: Equatable {
    case ignored, message, gap, gapWithMessage
  }

  private func step(_ finding: GapDetector.Finding) -> Step {
    switch finding {
    case .ignored: .ignored
    case .message: .message
    case .gap(nil): .gap
    case .gap: .gapWithMessage
    }
  }

  private func event(_ publisher: UInt64, _ sequence: UInt64, _ isHeartbeat: Bool = false) -> BackplaneEvent {
    .message(
      BackplaneMessage(
        publisher: publisher, sequence: sequence,
        content: isHeartbeat ? .heartbeat : .invalidation(CacheInvalidation(.everything))))
  }

  @Test func `gaps are noticed per node, by the numbers of its messages`() {
    var detector = GapDetector(own: 9)
    let cases: [(BackplaneEvent, Step)] = [
      (.joined, .gap),
      (event(1, 1), .message), (event(1, 2), .message), (event(9, 50), .ignored),
      // Its first message that is heard is not its first.
      (event(2, 7), .gapWithMessage), (event(2, 8), .message),
      (event(1, 5), .gapWithMessage), (event(1, 6), .message),
      // Late, and twice.
      (event(1, 4), .message), (event(1, 6), .message), (event(1, 7), .message),
      (event(1, 7, true), .ignored), (event(1, 8, true), .gap), (event(1, 8, true), .ignored),
      (event(3, 0, true), .ignored), (event(3, 1), .message), (event(4, 2, true), .gap),
      // The doubt is for all; what each says next continues from anywhere.
      (.joined, .gap), (event(1, 100), .message), (event(1, 101), .message), (event(2, 30, true), .ignored),
      (event(2, 32), .gapWithMessage),
    ]
    for (number, (event, expected)) in cases.enumerated() {
      #expect(step(detector.receive(event)) == expected, "event \(number)")
    }
  }

  @Test func `no more nodes are remembered than there is room for`() {
    var detector = GapDetector(own: 0)
    for publisher in 1...UInt64(GapDetector.limit + 50) { _ = detector.receive(event(publisher, 1)) }
    #expect(detector.publisherCount == GapDetector.limit)
    // The first is forgotten: its next message is in the middle of something.
    #expect(step(detector.receive(event(1, 2))) == .gapWithMessage)
  }

  /// Two nodes on one store, listening to each other.
  private func withNodes(
    _ body: (TierFixture, TierFixture, InProcessBackplane.Hub, (InProcessBackplane, InProcessBackplane)) async throws
      -> Void
  ) async throws {
    let hub = InProcessBackplane.Hub()
    let ends = (hub.makeNode(), hub.makeNode())
    let first = try TierFixture(backplane: ends.0)
    let second = try TierFixture(sharing: first, backplane: ends.1)
    let runs = [Task { await first.tiers.run() }, Task { await second.tiers.run() }]
    // Each has joined.
    await eventually { first.count(.suspected) == 1 && second.count(.suspected) == 1 }
    try await body(first, second, hub, ends)
    for run in runs { run.cancel() }
    for run in runs { await run.value }
  }

  @Test func `an invalidation reaches the other node's copies, and its own nobody's`() async throws {
    try await withNodes { first, second, hub, _ in
      for path in ["/a", "/b"] {
        try await first.put(first.entry(path, tags: [path]))
        #expect(try await second.found(path) == "content")
        #expect(second.peeked(path) == "content")
      }
      try await first.tiers.invalidate(CacheInvalidation(.anyTag(["/a"])))
      await eventually { second.peeked("/a") == nil }
      #expect(second.peeked("/b") == "content")
      #expect(first.peeked("/b") == "content")
      #expect(try await second.found("/a") == nil)
      #expect(second.count(.invalidationReceived) == 1)
      #expect(first.count(.invalidationReceived) == 0)
      #expect(hub.published.count == 1)
      #expect(second.count(.suspected) == 1)
    }
  }

  @Test func `a newer response supersedes the other node's copy, also if it is too large for any`() async throws {
    try await withNodes { first, second, _, _ in
      try await first.put(first.entry("/a", "old"))
      #expect(try await second.found("/a") == "old")
      let large = Bytes(repeatElement(1, count: 2 << 20))
      try await first.put(first.entry("/a", large))
      await eventually { second.peeked("/a") == nil }
      #expect(try await second.found("/a") == large)
    }
  }

  @Test func `a lost message makes the copies doubtful, not worthless`() async throws {
    try await withNodes { first, second, _, ends in
      for path in ["/a", "/b"] {
        try await first.put(first.entry(path, tags: [path]))
        #expect(try await second.found(path) == "content")
      }
      ends.1.lose(1)
      try await first.tiers.invalidate(CacheInvalidation(.anyTag(["/a"])))
      try await first.tiers.invalidate(CacheInvalidation(.anyTag(["/none"])))
      await eventually { second.count(.suspected) == 2 }
      #expect(second.peeked("/a") == nil)
      #expect(try await second.found("/a") == nil)
      #expect(try await second.found("/b") == "content")
      #expect(second.count(.confirmed) == 1)
    }
  }

  @Test func `a heartbeat tells of a lost message that none follows`() async throws {
    try await withNodes { first, second, _, ends in
      try await first.put(first.entry("/a"))
      #expect(try await second.found("/a") == "content")
      ends.1.lose(1)
      try await first.tiers.removeEntry(for: TierFixture.key("/a"))
      #expect(second.peeked("/a") == "content")
      await first.advance { second.count(.suspected) == 2 }
      #expect(try await second.found("/a") == nil)
    }
  }

  @Test func `after an interruption everything is compared`() async throws {
    try await withNodes { first, second, _, ends in
      try await first.put(first.entry("/a"))
      try await first.put(first.entry("/b"))
      for path in ["/a", "/b"] { #expect(try await second.found(path) == "content") }
      ends.1.disconnect()
      try await first.tiers.removeEntry(for: TierFixture.key("/a"))
      try await second.tiers.removeEntry(for: TierFixture.key("/none"))
      await eventually { second.count(.backplaneFailed) == 1 }
      ends.1.reconnect()
      await eventually { second.count(.suspected) == 2 }
      #expect(try await second.found("/a") == nil)
      #expect(try await second.found("/b") == "content")
    }
  }

  @Test func `a predicate cannot be sent: the other nodes doubt instead`() async throws {
    try await withNodes { first, second, _, _ in
      try await first.put(first.entry("/a"))
      #expect(try await second.found("/a") == "content")
      try await first.tiers.invalidate(CacheInvalidation(.matching { _, _ in true }))
      await eventually { second.count(.suspected) == 2 }
      #expect(try await second.found("/a") == nil)
    }
  }

  @Test func `what was told late is told to the other nodes again`() async throws {
    try await withNodes { first, second, _, _ in
      try await first.put(first.entry("/a"))
      first.far.always(.invalidate, .error(CacheError(.unavailable, "down")))
      try await first.tiers.removeEntry(for: TierFixture.key("/a"))
      await eventually { second.count(.invalidationReceived) == 1 }
      // The far tier still has it, and the other node knows no better.
      #expect(try await second.found("/a") == "content")
      first.far.heal()
      await first.advance { first.tiers.pendingInvalidationCount == 0 }
      await eventually { second.count(.invalidationReceived) == 2 }
      #expect(try await second.found("/a") == nil)
    }
  }
}
