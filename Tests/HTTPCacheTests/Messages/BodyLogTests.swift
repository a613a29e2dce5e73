//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite(.timeLimit(.minutes(5))) struct BodyLogTests {
  private func read(_ reader: BodyLogReader) async throws -> String {
    var text = ""
    while let chunk = try await reader.next() { text += chunk.description }
    return text
  }

  @Test func `every reader gets the whole body, whenever it attached`() async throws {
    let log = BodyLog(window: 4, retentionLimit: 100)
    let early = try #require(log.makeReader())
    async let first = read(early)
    #expect(await log.append("one "))
    let late = try #require(log.makeReader())
    async let second = read(late)
    #expect(await log.append("two"))
    log.finish(trailers: ["T": "1"])
    #expect(try await first == "one two")
    #expect(try await second == "one two")
    #expect(log.trailers == ["T": "1"])
    #expect(log.retainedSoFar == "one two")
    #expect(try await read(#require(log.makeReader())) == "one two")
  }

  @Test func `a body that breaks off is an error for every reader, never an end`() async throws {
    let log = BodyLog(window: 100, retentionLimit: 100)
    let reader = try #require(log.makeReader())
    #expect(await log.append("half"))
    log.fail(OriginError())
    #expect(try await reader.next() == "half")
    await #expect(throws: OriginError()) { try await reader.next() }
  }

  @Test func `a body that outgrows the limit becomes a window that nobody new can join`() async throws {
    let log = BodyLog(window: 8, retentionLimit: 8)
    let reader = try #require(log.makeReader())
    #expect(await log.append("12345678"))
    #expect(log.isRetaining)
    async let appended = log.append("9")
    #expect(try await reader.next() == "12345678")
    #expect(await appended)
    #expect(!log.isRetaining)
    #expect(log.retainedSoFar == nil)
    #expect(log.makeReader() == nil)
    #expect(try await reader.next() == "9")
  }

  @Test func `the producer waits for the slowest reader`() async throws {
    let log = BodyLog(window: 2, retentionLimit: nil)
    let fast = try #require(log.makeReader())
    let slow = try #require(log.makeReader())
    let hasAppended = Locked(false)
    let producer = Task {
      _ = await log.append("abc")
      hasAppended.withLock { $0 = true }
    }
    #expect(try await fast.next() == "abc")
    #expect(!hasAppended.withLock { $0 })
    #expect(try await slow.next() == "abc")
    await producer.value
    #expect(hasAppended.withLock { $0 })
  }

  @Test func `a reader that holds up the others for too long is let go`() async throws {
    let clock = ManualClock()
    let log = BodyLog(window: 2, retentionLimit: nil, stallLimit: .seconds(10), clock: CacheClock(clock))
    let fast = try #require(log.makeReader())
    let slow = try #require(log.makeReader())
    async let appended = log.append("abc")
    #expect(try await fast.next() == "abc")
    await clock.waitForSleepers()
    clock.advance(by: .seconds(10))
    #expect(await appended)
    await #expect(throws: BodyError.readerTooSlow) { try await slow.next() }
    log.finish(trailers: nil)
    #expect(try await fast.next() == nil)
  }

  @Test func `readers that have stopped at different places are let go together`() async throws {
    let clock = ManualClock()
    let log = BodyLog(window: 2, retentionLimit: 6, stallLimit: .seconds(10), clock: CacheClock(clock))
    let fast = try #require(log.makeReader())
    let stopped = try (0..<3).map { _ in try #require(log.makeReader()) }
    for chunk in ["ab", "cd", "ef"] as [Bytes] { #expect(await log.append(chunk)) }
    for (number, reader) in stopped.enumerated() {
      for _ in 0..<number { _ = try await reader.next() }
    }
    async let appended = log.append("gh")
    for chunk in ["ab", "cd", "ef", "gh"] as [Bytes] { #expect(try await fast.next() == chunk) }
    await clock.waitForSleepers()
    clock.advance(by: .seconds(10))
    #expect(await appended)
    for reader in stopped { await #expect(throws: BodyError.readerTooSlow) { try await reader.next() } }
  }

  @Test func `a reader that goes on reading is not let go because much was there already`() async throws {
    let clock = ManualClock()
    let log = BodyLog(window: 8, retentionLimit: 80, stallLimit: .seconds(10), clock: CacheClock(clock))
    let fast = try #require(log.makeReader())
    let slow = try #require(log.makeReader())
    for _ in 0..<10 { #expect(await log.append("12345678")) }
    async let appended = log.append("12345678")
    for _ in 0..<11 { _ = try await fast.next() }
    for _ in 0..<9 {
      await clock.waitForSleepers()
      #expect(try await slow.next() == "12345678")
      clock.advance(by: .seconds(10))
    }
    #expect(try await slow.next() == "12345678")
    #expect(await appended)
    #expect(try await slow.next() == "12345678")
  }

  @Test func `a reader that takes a little now and then does not hold up the others for ever`() async throws {
    let clock = ManualClock()
    let log = BodyLog(window: 80, retentionLimit: nil, stallLimit: .seconds(10), clock: CacheClock(clock))
    let fast = try #require(log.makeReader())
    let slow = try #require(log.makeReader())
    for _ in 0..<80 {
      #expect(await log.append("1"))
      _ = try await fast.next()
    }
    let producer = Task { for _ in 0..<3 { #expect(await log.append("1")) } }
    // Each wait is shorter than the limit, but together they are not.
    for round in 0..<2 {
      #expect(try await fast.next() == "1")
      await clock.waitForSleepers()
      clock.advance(by: .seconds(6))
      if round == 0 { #expect(try await slow.next() == "1") }
    }
    await producer.value
    await #expect(throws: BodyError.readerTooSlow) { try await slow.next() }
  }

  @Test func `one reader alone may be as slow as it likes`() async throws {
    let clock = ManualClock()
    let log = BodyLog(window: 2, retentionLimit: nil, stallLimit: .seconds(10), clock: CacheClock(clock))
    let reader = try #require(log.makeReader())
    async let appended = log.append("abc")
    await clock.waitForSleepers()
    clock.advance(by: .seconds(10))
    await clock.waitForSleepers()
    #expect(try await reader.next() == "abc")
    #expect(await appended)
  }

  @Test func `the last reader's leaving is noticed, once`() async throws {
    let abandoned = Counter()
    let log = BodyLog(window: 2, retentionLimit: nil) { abandoned.increment() }
    var first = log.makeReader()
    let second = try #require(log.makeReader())
    first = nil
    _ = first
    #expect(abandoned.value == 0)
    second.cancel()
    #expect(abandoned.value == 1)
    #expect(await log.append("abc") == false)
  }

  @Test func `a cancelled reader stops waiting`() async throws {
    let log = BodyLog(window: 2, retentionLimit: 10)
    let reader = try #require(log.makeReader())
    let task = Task { try await reader.next() }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test(arguments: 0..<100)
  func `random schedules: readers get prefixes in order, memory stays within the window`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var state = BodyLogState(window: 20, retentionLimit: Bool.random(using: &random) ? 40 : nil)
    var readers: [Int: [UInt8]] = [:]
    var written: [UInt8] = []
    var mustWait = false
    for _ in 0..<300 {
      switch Int.random(in: 0..<6, using: &random) {
      case 0:
        if let reader = state.attach() { readers[reader] = [] }
      case 1 where Int.random(in: 0..<8, using: &random) == 0:
        guard let reader = readers.keys.sorted().randomElement(using: &random) else { continue }
        readers[reader] = nil
        if state.detach(reader) || state.hasRoom { mustWait = false }
      case 2, 3:
        guard !mustWait else { continue }
        let chunk = (0..<Int.random(in: 1...10, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        let action = state.append(Bytes(chunk))
        if action != .stop || !readers.isEmpty { written += chunk }
        mustWait = action == .wait
        if action == .stop { return }
      default:
        guard let reader = readers.keys.sorted().randomElement(using: &random) else { continue }
        switch state.read(reader) {
        case .deliver(let bytes, let wakesProducer):
          readers[reader]! += bytes
          if wakesProducer { mustWait = false }
        case .wait: #expect(readers[reader] == written)
        case .end, .fail: Issue.record("the body is still open")
        }
      }
      for bytes in readers.values { #expect(written.starts(with: bytes)) }
    }
  }
}
