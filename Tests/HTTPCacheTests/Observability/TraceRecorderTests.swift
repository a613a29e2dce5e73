//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Traces for simulators (``TraceRecorder``).
@Suite struct TraceRecorderTests {
  @Test func `the octets of a header and a record are these`() throws {
    var record = TraceRecord()
    record.unixNanoseconds = 0x0102_0304_0506_0708
    record.monotonicNanoseconds = 0x1112_1314_1516_1718
    record.id = 0x2122_2324_2526_2728
    record.size = 0x3132_3334_3536_3738
    record.headSize = 0x4142_4344
    record.timeToLive = -2
    record.age = 3
    record.originMicroseconds = 0x5152_5354
    record.microseconds = 0x6162_6364
    record.status = 404
    record.outcome = 3
    record.reason = 1
    record.operation = .store
    record.method = 1
    record.tier = 2
    record.policy = 0x7172
    record.contentType = TraceRecord.ContentType("image/png")
    var bytes: [UInt8] = []
    record.write(to: &bytes)
    #expect(
      bytes == [
        8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23,
        0x22, 0x21, 0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31, 0x44, 0x43, 0x42, 0x41, 0xFE, 0xFF, 0xFF, 0xFF, 3,
        0, 0, 0, 0x54, 0x53, 0x52, 0x51, 0x64, 0x63, 0x62, 0x61, 0x94, 1, 3, 1, 3, 1, 2, 0, 0x72, 0x71, 6, 0,
      ])
    #expect(bytes.withUnsafeBytes { TraceRecord($0) } == record)
    #expect(bytes.dropLast().withUnsafeBytes { TraceRecord($0) } == nil)
    let header = TraceHeader(unixNanoseconds: 258, sampleRate: 0.5)
    #expect(
      header.bytes == [0x89, 0x48, 0x43, 0x54, 0x0D, 0x0A, 0x1A, 0x0A, 1, 0, 64, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]
        + [0, 0, 0, 0, 0, 0, 0xE0, 0x3F] + Array(repeating: 0, count: 32))
    #expect(header.bytes.withUnsafeBytes { TraceHeader($0) } == header)
  }

  @Test(arguments: [0, 8, 10, 24])
  func `what is no header is none`(offset: Int) {
    var bytes = TraceHeader().bytes
    for index in offset..<min(offset + 8, 64) { bytes[index] = 0 }
    #expect(bytes.withUnsafeBytes { TraceHeader($0) } == nil)
    #expect([UInt8]().withUnsafeBytes { TraceHeader($0) } == nil)
  }

  private func records(_ data: Data) -> [TraceRecord] {
    stride(from: TraceHeader.byteCount, to: data.count, by: TraceRecord.byteCount).compactMap { offset in
      data[offset...].withUnsafeBytes { TraceRecord($0) }
    }
  }

  @Test func `a trace holds what was asked for while it ran`() async throws {
    let clock = ManualClock()
    let cache = try CacheLayer(backend: InMemoryBackend(clock: CacheClock(clock)), policy: CachePolicy())
    let service = Handler { _ in
      clock.advance(by: .milliseconds(7))
      return CacheResponse(
        fields: ["Cache-Control": "max-age=60", "Content-Type": "application/json"], body: "hello")
    }.layer(cache)
    let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: url) }
    let trace = TraceRecorder(path: url.path, clock: CacheClock(clock))
    _ = try await service.call(.get("/before"))
    cache.startTrace(trace)
    _ = try await service.call(.get("/a"))
    clock.advance(by: .seconds(5))
    _ = try await service.call(.get("/a"))
    _ = try await service.call(.get("/before"))
    await cache.invalidate(key: CacheKey(scheme: "http", authority: "example.com", target: "/a"))
    await cache.stopTrace(trace)
    _ = try await service.call(.get("/after"))
    cache.recorder.drain()
    #expect(trace.statistics.written == 5)
    let data = try Data(contentsOf: url)
    let header = try #require(data.withUnsafeBytes { TraceHeader($0) })
    #expect(header.unixNanoseconds == 1_767_225_600_000_000_000)
    let records = records(data)
    try #require(records.count == 5)
    let a = records.filter { $0.id == records.first { $0.operation == .store }?.id }
    #expect(Set(a.map(\.operation)) == [.store, .get, .invalidate])
    let hit = try #require(a.first { $0.outcome == 0 && $0.operation == .get })
    #expect(hit.size == 5)
    #expect(hit.status == 200)
    #expect(hit.age == 5)
    #expect(hit.timeToLive == 54)
    #expect(hit.contentType == TraceRecord.ContentType("application/json; charset=utf-8"))
    #expect(hit.tier == 1)
    #expect(hit.unixNanoseconds == 1_767_225_605_014_000_000)
    let miss = try #require(a.first { $0.outcome == 3 })
    #expect(miss.originMicroseconds == 7000)
    #expect(miss.reason == 1)
    // Hashes of two traces have nothing in common.
    #expect(Set(records.map(\.id)).count == 2)
  }

  @Test func `a trace does not go on in a file of an earlier one`() async throws {
    let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { for name in [url.path, "\(url.path).1"] { try? FileManager.default.removeItem(atPath: name) } }
    for _ in 0..<2 {
      let cache = try CacheLayer(backend: InMemoryBackend(), policy: CachePolicy())
      let trace = TraceRecorder(path: url.path)
      cache.startTrace(trace)
      _ = try await Handler { _ in CacheResponse(body: "x") }.layer(cache).call(.get("/"))
      await cache.stopTrace(trace)
    }
    for name in [url.path, "\(url.path).1"] {
      let data = try Data(contentsOf: URL(filePath: name))
      #expect(data.withUnsafeBytes { TraceHeader($0) } != nil)
      #expect(records(data).count == 2)
    }
  }
}
