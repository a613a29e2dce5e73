//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Sinks that fail, block or lose their file: no request waits or fails, and what is lost is counted.
@Suite struct LogSinkTests {
  private final class BlockedSink: CacheLogSink {
    let gate = DispatchSemaphore(value: 0)
    let entered = DispatchSemaphore(value: 0)

    func write(_ bytes: [UInt8]) throws {
      entered.signal()
      gate.wait()
    }
  }

  private func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
  }

  private func text(_ url: URL) -> String? { try? String(contentsOf: url, encoding: .utf8) }

  @Test func `behind a sink that blocks, a bounded number of bytes waits, and the rest is dropped`() async {
    let sink = BlockedSink()
    let queue = SinkQueue(sink)
    let chunk = [UInt8](repeating: 0, count: SinkQueue.maximumByteCount / 4)
    for _ in 0..<7 { queue.append(chunk, unitCount: 10) }
    sink.entered.wait()
    #expect(queue.statistics.dropped == 30)
    for _ in 0..<4 { sink.gate.signal() }
    await queue.flush()
    #expect(queue.statistics.written == 40)
    queue.append(chunk, unitCount: 1)
    sink.gate.signal()
    await queue.flush()
    #expect(queue.statistics.written == 41)
  }

  private func service(
    _ sink: any CacheLogSink
  ) throws -> (CacheLayer, some Service<CacheRequest, CacheResponse>) {
    var policy = CachePolicy()
    policy.mlLogging = MLLogging(sink: sink)
    let cache = try CacheLayer(backend: InMemoryBackend(), policy: policy)
    return (cache, Handler { _ in CacheResponse(fields: ["Cache-Control": "max-age=60"], body: "x") }.layer(cache))
  }

  @Test func `while a sink blocks, requests are answered and the curve can be asked for`() async throws {
    let sink = BlockedSink()
    let (cache, service) = try service(sink)
    _ = try await service.call(.get("/"))
    cache.recorder.drain()
    sink.entered.wait()
    for _ in 0..<1000 { #expect(try await service.call(.get("/")).outcome == .hit) }
    #expect(cache.missRatioCurve != nil)
    for _ in 0..<10_000 { sink.gate.signal() }
    await cache.flushLogs()
    let statistics = cache.logStatistics
    #expect(statistics.written + statistics.dropped == 1001)
  }

  @Test func `on a full disk, lines are dropped and counted, and requests are answered`() async throws {
    try #require(FileManager.default.fileExists(atPath: "/dev/full"))
    let (cache, service) = try service(FileLogSink(path: "/dev/full"))
    for _ in 0..<10 { _ = try await service.call(.get("/")) }
    await cache.flushLogs()
    #expect(cache.logStatistics.written == 0)
    #expect(cache.logStatistics.dropped == 10)
    #expect(cache.logStatistics.lastError == "cannot write to /dev/full: No space left on device")
  }

  @Test func `a file that is moved away or removed is begun anew`() async throws {
    try await withFolder { folder in
      let url = folder.appending(path: "log")
      let sink = FileLogSink(path: url.path)
      try sink.write(Array("one\n".utf8))
      try FileManager.default.moveItem(at: url, to: folder.appending(path: "moved"))
      try sink.write(Array("two\n".utf8))
      #expect(text(folder.appending(path: "moved")) == "one\n")
      #expect(text(url) == "two\n")
      try FileManager.default.removeItem(at: url)
      try sink.write(Array("three\n".utf8))
      #expect(text(url) == "three\n")
      try FileManager.default.removeItem(at: folder)
      #expect(throws: LogFileError.self) { try sink.write(Array("four\n".utf8)) }
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try sink.write(Array("five\n".utf8))
      #expect(text(url) == "five\n")
    }
  }

  @Test func `a file is nobody else's, and a link is not followed`() async throws {
    try await withFolder { folder in
      let url = folder.appending(path: "log")
      #expect(
        FileManager.default.createFile(
          atPath: url.path, contents: Data("old\n".utf8), attributes: [.posixPermissions: 0o644]))
      try FileLogSink(path: url.path).write(Array("new\n".utf8))
      #expect(text(url) == "old\nnew\n")
      let attributes = try FileManager.default.attributesOfItem(atPath: url.path)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
      let link = folder.appending(path: "link")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: url)
      #expect(throws: LogFileError.self) { try FileLogSink(path: link.path).write(Array("x\n".utf8)) }
    }
  }

  @Test func `a full file is renamed, and so many are kept`() async throws {
    try await withFolder { folder in
      let url = folder.appending(path: "log")
      let sink = FileLogSink(path: url.path, maximumByteCount: 10, keptFileCount: 2)
      for number in 1...9 { try sink.write(Array("line\(number)\n".utf8)) }
      #expect(text(url) == "line9\n")
      #expect(text(folder.appending(path: "log.1")) == "line8\n")
      #expect(text(folder.appending(path: "log.2")) == "line7\n")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 3)
    }
  }

  @Test func `an old file is renamed`() async throws {
    try await withFolder { folder in
      let clock = ManualClock()
      let url = folder.appending(path: "log")
      let sink = FileLogSink(path: url.path, maximumAge: .seconds(3600), clock: CacheClock(clock))
      try sink.write(Array("one\n".utf8))
      clock.advance(by: .seconds(3599))
      try sink.write(Array("two\n".utf8))
      clock.advance(by: .seconds(1))
      try sink.write(Array("three\n".utf8))
      #expect(text(folder.appending(path: "log.1")) == "one\ntwo\n")
      #expect(text(url) == "three\n")
    }
  }
}
