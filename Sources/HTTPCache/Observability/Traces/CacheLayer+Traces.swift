//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// Has requests recorded from now on. Several traces may run at a time.
  public nonisolated func startTrace(_ trace: TraceRecorder) {
    let isNew = traces.withLock { traces in
      guard !traces.contains(where: { $0 === trace }) else { return false }
      traces.append(trace)
      return true
    }
    if isNew { recorder.add(trace) }
  }

  /// Ends a trace, and returns when all of it is written or dropped.
  public nonisolated func stopTrace(_ trace: TraceRecorder) async {
    traces.withLock { $0.removeAll { $0 === trace } }
    recorder.remove(trace)
    await trace.queue.flush()
  }
}
