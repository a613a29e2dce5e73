//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// The numbers of lines of the policies' logs that were written and dropped (``CachePolicy/mlLogging``).
  public nonisolated var logStatistics: CacheLogStatistics {
    guard let mlLogger else { return CacheLogStatistics() }
    var statistics = mlLogger.statistics
    statistics.dropped += recorder.dropCount
    return statistics
  }

  /// Returns when all that was logged and traced up to now is written or dropped: for tests, and before a process ends.
  ///
  /// Waits for the sinks, however long they take.
  public nonisolated func flushLogs() async {
    recorder.drain()
    await mlLogger?.flush()
    for trace in traces.withLock({ $0 }) { await trace.queue.flush() }
  }

  /// The response to a request, both of which get an identifier. What the handler says of one is nobody else's, so it is not
  /// stored.
  nonisolated func identifiedResponse(
    to original: CacheRequest, _ miss: CacheMiss?, from next: AnyService
  ) async throws -> CacheResponse {
    // That under which the store was looked into, if it was.
    let id = miss?.request?.fields[RequestID.field] ?? RequestID.of(original.fields)
    var request = original
    RequestID.set(id, in: &request.fields)
    let handler = AnyService(
      Handler { request in
        var response = try await next.call(request)
        response.fields.removeAll(RequestID.field)
        return response
      })
    var response = try await fetchAsIs(request, miss, from: handler)
    RequestID.set(id, in: &response.fields)
    return response
  }
}
