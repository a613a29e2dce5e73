//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// A kind of content that a cache is filled with.
struct MemoryContent: Sendable {
  let name: String
  let summary: String
  /// How far the growth of the process may be from what the cache counts.
  let tolerance: Double
  /// The response to the request numbered `number`.
  let response: @Sendable (_ number: Int) -> CacheResponse

  /// The content named `name`; nil when there is none.
  static func named(_ name: String) -> MemoryContent? { all.first { $0.name == name } }

  static let all = [
    MemoryContent(name: "empty", summary: "no body", tolerance: 0.15) { response($0, bodySize: 0) },
    MemoryContent(name: "50B", summary: "bodies of 50 B", tolerance: 0.15) { response($0, bodySize: 50) },
    MemoryContent(name: "1KiB", summary: "bodies of 1 KiB", tolerance: 0.1) { response($0, bodySize: 1024) },
    MemoryContent(name: "64KiB", summary: "bodies of 64 KiB", tolerance: 0.1) { response($0, bodySize: 64 << 10) },
    MemoryContent(name: "8MiB", summary: "bodies of 8 MiB, streamed in pieces of 64 KiB", tolerance: 0.1) { number in
      var response = response(number, bodySize: 0)
      response.fields["Content-Length"] = nil
      response.body = Body(Pieces(byteCount: 8 << 20, pieceSize: 64 << 10))
      return response
    },
    MemoryContent(name: "fields", summary: "60 small fields, 200 B", tolerance: 0.1) { number in
      var response = response(number, bodySize: 200)
      for index in 0..<60 {
        response.fields.append(HeaderName(stringLiteral: "X-Field-\(index)"), "\(number &* index)")
      }
      return response
    },
    MemoryContent(name: "variants", summary: "variants of 1 KiB with four tags and trailers", tolerance: 0.1) {
      var response = response($0, bodySize: 1024)
      response.fields.append("Vary", "Accept-Language")
      response.fields.append("Cache-Tag", "product:\($0), category:\($0 % 100), everything-of-\($0), site")
      response.trailers = ["Server-Timing": "db;dur=\($0)"]
      return response
    },
    MemoryContent(name: "pieces", summary: "15 B each, as a slice of a read buffer of 64 KiB", tolerance: 0.15) {
      var response = response($0, bodySize: 0)
      response.fields["Content-Length"] = nil
      response.body = Body(Pieces(byteCount: 15, pieceSize: 64 << 10))
      return response
    },
    MemoryContent(name: "sizes", summary: "bodies of 64 B to 32 KiB, each power of two as often", tolerance: 0.1) {
      number in
      let random = (number &* 0x9E37_79B9) >> 7 & 0xFF_FFFF
      return response(number, bodySize: (64 << (random % 9)) + (random >> 4) % (64 << (random % 9)))
    },
    MemoryContent(name: "mixed", summary: "all of these, large ones seldom", tolerance: 0.1) { number in
      // The kinds before this one, by how many of a thousand requests they get.
      let shares = [("empty", 200), ("50B", 200), ("1KiB", 300), ("fields", 100), ("variants", 100), ("pieces", 60)]
      var place = (number &* 0x9E37_79B9) >> 7 & 0x3FF
      for (name, share) in shares {
        if place < share { return named(name)!.response(number) }
        place -= share
      }
      return named(place == 63 ? "8MiB" : "64KiB")!.response(number)
    },
  ]

  /// A response whose fields are added one by one, as handlers and parsers do.
  private static func response(_ number: Int, bodySize: Int) -> CacheResponse {
    var fields = HeaderFields()
    fields.append("Content-Type", "application/json")
    fields.append("ETag", "\"\(number)\"")
    fields.append("Date", date)
    fields.append("Cache-Control", "public, max-age=360000")
    fields.append("Content-Length", "\(bodySize)")
    return CacheResponse(fields: fields, body: Body(bytes(bodySize)))
  }

  private static let date = Samples.response(0).fields["Date"] ?? ""

  /// Bytes of their own, written to, so that they are resident.
  fileprivate static func bytes(_ count: Int) -> Bytes {
    Bytes(unsafeUninitializedCapacity: count) { memory in
      memory.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "x"))
      return count
    }
  }

  /// A body that arrives in slices of read buffers.
  // @unchecked: a source has one reader, which calls `next()` once at a time.
  private final class Pieces: BodySource, @unchecked Sendable {
    private var remaining: Int
    private let pieceSize: Int

    init(byteCount: Int, pieceSize: Int) {
      remaining = byteCount
      self.pieceSize = pieceSize
    }

    func next() async throws -> Bytes? {
      guard remaining > 0 else { return nil }
      let count = min(remaining, pieceSize)
      remaining -= count
      return MemoryContent.bytes(pieceSize).slice(0..<count)
    }
  }
}
