//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import Testing
import TraceReplay

@testable import http_cache_trace

/// The conversions of `http-cache-trace`.
@Suite struct TraceConverterTests {
  private static func file() throws -> TraceFile {
    var bytes = TraceHeader(unixNanoseconds: 5, sampleRate: 0.5).bytes
    func add(
      _ second: UInt64, _ id: UInt64, _ size: UInt64, _ operation: TraceRecord.Operation = .get, outcome: UInt8 = 0
    ) {
      var record = TraceRecord()
      record.unixNanoseconds = 1_000_000_000 * (1000 + second)
      record.monotonicNanoseconds = 77 + second
      record.id = id
      record.size = size
      record.operation = operation
      record.outcome = outcome
      record.timeToLive = 60
      record.status = 200
      record.policy = 3
      record.write(to: &bytes)
    }
    // The length of the first response was not known when it began.
    add(0, 0xA, 0, outcome: 3)
    add(0, 0xA, 500, .store)
    add(1, 0xB, 70, outcome: 3)
    add(2, 0xA, 500)
    add(3, 0xC, 9, outcome: 5)
    add(3, 0xB, 70)
    return try TraceFile(Data(bytes))
  }

  private static let items: [[UInt8]] = [
    [0, 0, 0, 0, 0xA, 0, 0, 0, 0, 0, 0, 0, 0xF4, 1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0xB, 0, 0, 0, 0, 0, 0, 0, 70, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0],
    [2, 0, 0, 0, 0xA, 0, 0, 0, 0, 0, 0, 0, 0xF4, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255],
    [3, 0, 0, 0, 0xB, 0, 0, 0, 0, 0, 0, 0, 70, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255],
  ]

  @Test func `the octets of oracleGeneral are these`() throws {
    #expect(TraceConverter(try Self.file()).bytes(.oracleGeneral) == Self.items.flatMap { $0 })
  }

  @Test func `the octets of LCS are these`() throws {
    let magic: [UInt8] = [0xF0, 0xDE, 0xBC, 0x9A, 0x78, 0x56, 0x34, 0x12]
    let bytes = TraceConverter(try Self.file()).bytes(.lcs)
    try #require(bytes.count == 8192 + 4 * 36)
    #expect(Array(bytes[0..<16]) == magic + [3, 0, 0, 0, 0, 0, 0, 0])
    let counts = stride(from: 16, to: 112, by: 8).map { Array(bytes[$0..<$0 + 4]) }
    #expect(
      counts == [
        [1, 0, 0, 0], [4, 0, 0, 0], [2, 0, 0, 0], [0x74, 4, 0, 0], [0x3A, 2, 0, 0], [0, 0, 0, 0], [3, 0, 0, 0],
        [4, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [70, 0, 0, 0], [0xF4, 1, 0, 0],
      ])
    #expect(bytes[112..<8184].allSatisfy { $0 == 0 })
    #expect(Array(bytes[8184..<8192]) == magic)
    // Time, id and size, which has eight octets here; operation and policy; lifetime; position of the next.
    let expected: [[UInt8]] = Self.items.map { item in
      Array(item[0..<16]) + [0, 0, 0, 0, 1, 3, 0, 0, 60, 0, 0, 0] + item[16..<24]
    }
    #expect(Array(bytes[8192...]) == expected.flatMap { $0 })
  }

  @Test func `text formats are these`() throws {
    let converter = TraceConverter(try Self.file())
    #expect(String(decoding: converter.bytes(.lrb), as: UTF8.self) == "0 10 500\n1 11 70\n2 10 500\n3 11 70\n")
    #expect(
      String(decoding: converter.bytes(.csv), as: UTF8.self).split(separator: "\n")[1]
        == "1000.0,10,500,3,miss,200,60,0,0,0,0,0,0,3,0")
    #expect(converter.bytes(.pairs).count == 4 * 16)
  }

  @Test func `an anonymised trace replays like the original and shares no number with it`() throws {
    let file = try Self.file()
    let other = file.anonymised()
    #expect(other.records.count == file.records.count)
    #expect(Set(other.records.map(\.id)).isDisjoint(with: file.records.map(\.id)))
    #expect(Set(other.records.map(\.id)).count == 3)
    #expect(other.records.map(\.unixNanoseconds).first == 0)
    #expect(other.records.allSatisfy { $0.policy == 0 && $0.monotonicNanoseconds < 4 })
    for policy in EvictionPolicy.all {
      #expect(try other.replay.run(policy, bytes: 500) == file.replay.run(policy, bytes: 500))
    }
    #expect(try TraceFile(Data(other.bytes)).records == other.records)
  }

  @Test func `what is no trace is refused`() {
    #expect(throws: Failure.self) { try TraceFile(Data("GET / HTTP/1.1".utf8)) }
    #expect(throws: Failure.self) { try TraceFile(Data()) }
  }

  @Test(arguments: [
    ["convert", "x"], ["convert", "x", "--to", "nonsense"], ["nonsense"], ["--what"], ["replay"],
    ["replay", "x", "--bytes", "-1"], ["info", "x", "--policy", "best"],
  ])
  func `nonsense is refused`(arguments: [String]) async {
    await #expect(throws: Failure.self) { try await Main.run(arguments) }
  }
}
