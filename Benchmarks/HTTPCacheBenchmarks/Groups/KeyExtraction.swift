//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// What a key costs.
enum KeyExtraction {
  private static let request = CacheRequest(
    authority: "bench.example.com", target: "/products/123?region=us&currency=usd")

  static let benchmarks = [
    benchmark("resource", "scheme, authority, path and query (the default)", .resource),
    benchmark("path", "the path of /products/123?region=us&currency=usd", .path),
    benchmark("path_and_query", "its path and query", .pathAndQuery),
    benchmark("custom_hit", "a closure that formats `static:` and the path", .custom { "static:\($0.path)" }),
    benchmark("custom_miss", "a closure that gives no key", .custom { _ in nil }),
  ]

  private static func benchmark(_ name: String, _ summary: String, _ extractor: KeyExtractor) -> Benchmark {
    Benchmark("key_extractor/\(name)", summary) {
      .synchronous(check: {
        try expect((extractor.key(for: request) == nil) == (name == "custom_miss"), "whether there is a key")
      }) { count in
        for _ in 0..<count { consume(extractor.key(for: request)) }
      }
    }
  }
}
