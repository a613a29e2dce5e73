//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import Foundation
import HTTPCache

/// Writes one line for each request: what was asked, what was answered, where it came from, how long it took.
struct AccessLog<Inner: Service>: Service
where Inner.Request == CacheRequest, Inner.Response == CacheResponse {
  let inner: Inner

  func call(_ request: CacheRequest) async throws -> CacheResponse {
    let start = ContinuousClock.now
    do {
      let response = try await inner.call(request)
      write(request, String(response.status), response.outcome.map { "\($0)" } ?? "-", response.body.length, start)
      return response
    } catch {
      write(request, "error", "\(error)", nil, start)
      throw error
    }
  }

  private func write(
    _ request: CacheRequest, _ status: String, _ outcome: String, _ length: Int?, _ start: ContinuousClock.Instant
  ) {
    let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
    let time = milliseconds < 10 ? String(format: "%.2f ms", milliseconds) : String(format: "%.0f ms", milliseconds)
    let size = length.map { "\($0) B" } ?? "stream"
    Console.print("\(status)  \(outcome)  \(time)  \(size)  \(request.method) \(request.target)")
  }
}
