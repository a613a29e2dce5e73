//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// Counts a hit on the fast path for hot keys, and records it if its key is in the sample.
  @inline(never)
  nonisolated func note(
    _ hit: NotedHit, _ request: CacheRequest, _ policy: ResolvedPolicy, status: Int,
    since startedAt: CacheInstant?, at now: CacheInstant
  ) {
    let entry = hit.entry.takeRetainedValue()
    if hit.weight > 0 {
      let observation = HotKeyTable.Observation(weight: hit.weight, byteCount: entry.body.count)
      if entry.packed.hasUncommonParts {
        let key = Self.primary(entry.key)
        hotKeyTable.record(key.digest, observation, at: now) { key }
      } else {
        hotKeyTable.record(entry.digest, observation, at: now) { entry.key }
      }
    }
    if recorder.records(entry.digest) {
      let duration = startedAt.map { clock.preciseNow.duration(since: $0) } ?? .zero
      recorder.append(
        RequestRecord(
          hit: entry, of: request, policy, status: status, byteCount: entry.body.count, duration: duration, at: now))
    }
  }

  /// Counts an event for hot keys if it is an answer, and records it if its key is in the sample.
  ///
  /// - Parameters: see ``RequestRecord``.
  nonisolated func note(
    _ kind: CacheEvent.Kind, key: CacheKey, entry: CacheEntry? = nil, request: CacheRequest? = nil,
    policy: ResolvedPolicy? = nil, status: Int? = nil, bodySize: Int? = nil, since startedAt: CacheInstant? = nil,
    now: CacheInstant? = nil, originDuration: Duration? = nil, storing: CacheEvent.Storing = .none
  ) {
    let isRecorded = recorder.records(key.digest)
    guard isRecorded || kind.isAnswer else { return }
    let now = now ?? clock.now
    if case .answered(let outcome) = kind {
      let key = Self.primary(key)
      var observation = HotKeyTable.Observation(byteCount: bodySize ?? 0)
      switch outcome {
      case .miss, .revalidated:
        observation.isMiss = true
        observation.originMicroseconds = UInt64(max(originDuration?.clampedNanoseconds ?? 0, 0) / 1000)
      case .hit, .stale, .collapsed, .bypass, .failed: break
      }
      hotKeyTable.record(key.digest, observation, at: now) { key }
    }
    guard isRecorded else { return }
    var record = RequestRecord(kind, key.digest, at: now)
    record.entry = entry
    record.key = entry == nil ? key : nil
    record.method = request?.method ?? .get
    record.policy = policy ?? request.flatMap { router.policy(for: $0) } ?? router.onlyPolicy
    if let request { record.requestID = RequestRecord.requestID(of: request, record.policy) }
    record.storing = storing
    record.status = status ?? 0
    record.byteCount = bodySize
    record.duration = startedAt.map { now.duration(since: $0) } ?? .zero
    record.originDuration = originDuration
    record.isNear = startedAt == nil || memory != nil
    recorder.append(record)
  }

  /// The key of the resource: variants of one are one hot key.
  private static func primary(_ key: CacheKey) -> CacheKey { key.uncommonParts == nil ? key : key.primary }
}

extension CacheEvent.Kind {
  /// Whether a request was answered.
  fileprivate var isAnswer: Bool { if case .answered = self { true } else { false } }
}
