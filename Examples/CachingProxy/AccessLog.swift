//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import Foundation
import HTTPCache

/// Writes one line for each request: the status of its response, the time, the client, where the response came from, how long it
/// took to begin, its size, the request.
///
/// Where the origin failed, what went wrong, which the client is not told, stands in place of where the response came from.
/// A request that got no response, because its client left or the proxy was stopped, has `gone` in place of the status.
struct AccessLog<Inner: Service>: Service
where Inner.Request == CacheRequest, Inner.Response == CacheResponse {
  let inner: Inner

  func call(_ request: CacheRequest) async throws -> CacheResponse {
    let start = ContinuousClock.now
    do {
      let response = try await inner.call(request)
      let size = response.body.length.map { "\($0) B" } ?? "stream"
      write(request, "\(response.status)", response.outcome.map { "\($0)" } ?? "-", size, start)
      return response
    } catch {
      if let status = ProxyResponses.status(of: error) {
        write(request, "\(status)", "\(error)", "-", start)
      } else {
        write(request, "gone", "no response", "-", start)
      }
      throw error
    }
  }

  private func write(
    _ request: CacheRequest, _ status: String, _ outcome: String, _ size: String, _ start: ContinuousClock.Instant
  ) {
    let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
    let time = milliseconds < 10 ? String(format: "%.2f ms", milliseconds) : String(format: "%.0f ms", milliseconds)
    let client = request.clientAddress?.description ?? "unknown"
    let now = Date.now.ISO8601Format(.init(includingFractionalSeconds: true))
    Console.print("\(status)  \(now)  \(client)  \(outcome)  \(time)  \(size)  \(request.method) \(request.target)")
  }
}
