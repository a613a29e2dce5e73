//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache

/// Records a trace of made-up requests through a real cache, to try the program with.
enum SampleTrace {
  private static let keyCount = 10_000

  static func write(to path: String, requestCount: Int) async throws {
    let cache = try CacheLayer(backend: InMemoryBackend(capacity: 8 << 20), policy: CachePolicy())
    let service = Handler { request in
      // The size belongs to the URL: between 100 and 20,000 octets.
      let number = request.target.utf8.dropFirst().reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) }
      return CacheResponse(
        fields: ["Cache-Control": "max-age=600", "Content-Type": "text/html"],
        body: Body(Bytes([UInt8](repeating: 120, count: 100 + Int(number &* 0x9E37_79B9 % 19_900)))))
    }.layer(cache)
    var cumulative: [Double] = []
    var sum = 0.0
    for rank in 1...keyCount {
      sum += 1 / pow(Double(rank), 0.9)
      cumulative.append(sum)
    }
    let trace = TraceRecorder(path: path)
    cache.startTrace(trace)
    for number in 0..<requestCount {
      let target = Double.random(in: 0..<sum)
      var (low, high) = (0, keyCount - 1)
      while low < high {
        let middle = (low + high) / 2
        if cumulative[middle] >= target { high = middle } else { low = middle + 1 }
      }
      _ = try await service.call(CacheRequest(target: "/\(low)"))
      // Slowly enough for nothing to be dropped.
      if number % 256 == 255 { await cache.flushLogs() }
    }
    await cache.stopTrace(trace)
    let statistics = trace.statistics
    guard statistics.dropped == 0 else {
      throw Failure("\(statistics.dropped) records were dropped: \(statistics.lastError ?? "there was no room")")
    }
  }
}
