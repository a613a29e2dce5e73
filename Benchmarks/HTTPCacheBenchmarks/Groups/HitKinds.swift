//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Hits that are more than handing out what is stored.
enum HitKinds {
  static let benchmarks = [
    benchmark(
      "vary", "a hit selected by Accept-Encoding", ["Vary": "Accept-Encoding"], ["Accept-Encoding": "gzip, br"]),
    benchmark(
      "not_modified", "If-None-Match that matches: 304", [:], ["If-None-Match": "\"33a64df551425fcc\""], status: 304),
    benchmark("range", "one range of a stored response: 206", [:], ["Range": "bytes=100-199"], status: 206),
    benchmark("head", "HEAD answered from a stored GET", [:], [:], method: .head),
    benchmark("with_observer", "a hit that an observer is told of", [:], [:], observers: [Blind()]),
  ]

  private struct Blind: CacheObserver {
    func record(_ event: CacheEvent) { consume(event.status) }
  }

  private static func benchmark(
    _ name: String, _ summary: String, _ responseFields: HeaderFields, _ requestFields: HeaderFields,
    method: RequestMethod = .get, status: Int = 200, observers: [any CacheObserver] = []
  ) -> Benchmark {
    Benchmark("hit/\(name)", summary) {
      let response = Samples.response(1024)
      let handler = Handler { _ in
        var response = response
        response.fields[.etag] = "\"33a64df551425fcc\""
        for field in responseFields { response.fields.append(field.name, field.value) }
        return response
      }
      let service = handler.layer(
        try CacheLayer(backend: InMemoryBackend(), policy: Samples.policy(), observers: observers))
      var request = Samples.request
      for field in requestFields { request.fields.append(field.name, field.value) }
      let stored = request
      _ = try await service.call(stored)
      request.method = method
      let measured = request
      return .asynchronous(check: { try await expect(.hit, status: status, of: measured, from: service) }) { count in
        for _ in 0..<count { consume(try await service.call(measured)) }
      }
    }
  }
}
