//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import Foundation
import HTTPCache

/// Writes one line for each request: its status, the time, the client, where the response came from, how long it took, its
/// size, the request; for an error what went wrong, which the client is not told.
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
    let client = request.clientAddress?.description ?? "unknown"
    let now = Date.now.ISO8601Format(.init(includingFractionalSeconds: true))
    Console.print("\(status)  \(now)  \(client)  \(outcome)  \(time)  \(size)  \(request.method) \(request.target)")
  }
}
