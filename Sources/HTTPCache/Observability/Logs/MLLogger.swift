//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Writes the records of requests as lines of JSON, each to the log of its policy.
final class MLLogger: RequestRecordConsumer {
  /// The log of one policy.
  private struct Log {
    let logging: MLLogging
    let threshold: UInt64
    let queue: SinkQueue
    let hashKey: (UInt64, UInt64)
  }

  private let logs: [ObjectIdentifier: Log]
  private let clock: CacheClock
  let threshold: UInt64

  /// Nil when no policy has a log.
  init?(_ policies: [ResolvedPolicy], clock: CacheClock) {
    var logs: [ObjectIdentifier: Log] = [:]
    for policy in policies {
      guard let logging = policy.policy.mlLogging, logging.enabled else { continue }
      logs[ObjectIdentifier(policy)] = Log(
        logging: logging, threshold: logging.threshold, queue: SinkQueue(logging.sink),
        hashKey: SipHash128.key(from: logging.hashSecret))
    }
    guard !logs.isEmpty else { return nil }
    self.logs = logs
    self.clock = clock
    threshold = logs.values.map(\.threshold).max() ?? 0
  }

  /// The numbers of lines of all policies' logs that were written and dropped.
  var statistics: CacheLogStatistics {
    logs.values.reduce(into: CacheLogStatistics()) { sum, log in
      let statistics = log.queue.statistics
      sum.written += statistics.written
      sum.dropped += statistics.dropped
      sum.lastError = statistics.lastError ?? sum.lastError
    }
  }

  /// Returns when all lines are written or dropped.
  func flush() async { for log in logs.values { await log.queue.flush() } }

  func consume(_ records: [RequestRecord]) {
    // Records have the time of the clock that only goes forward.
    let (now, unixTime) = (clock.now, clock.unixTime)
    var chunks: [ObjectIdentifier: (bytes: [UInt8], count: Int)] = [:]
    for record in records {
      guard let policy = record.policy, let log = logs[ObjectIdentifier(policy)],
        record.digest.high < log.threshold || log.threshold == .max, case .answered(let outcome) = record.kind
      else { continue }
      let ago = now.duration(since: record.time).clampedNanoseconds / 1_000_000
      let time = UnixTime(milliseconds: unixTime.milliseconds.subtractingSaturated(ago))
      chunks[ObjectIdentifier(policy), default: ([], 0)].bytes += Self.line(record, outcome, log, at: time)
      chunks[ObjectIdentifier(policy)]?.count += 1
    }
    for (policy, chunk) in chunks { logs[policy]?.queue.append(chunk.bytes, unitCount: chunk.count) }
  }

  private static func line(_ record: RequestRecord, _ outcome: CacheOutcome, _ log: Log, at time: UnixTime) -> [UInt8] {
    var line = JSONLine()
    line.add("timestamp", timestamp(time))
    if let requestID = record.requestID { line.add("request_id", requestID) }
    line.add("operation", "cache_\(outcome.kind)")
    if let reason = outcome.reason { line.add("reason", reason) }
    line.add("latency_us", thousandths: Int(clamping: record.duration.clampedNanoseconds))
    if let duration = record.originDuration {
      line.add("origin_us", thousandths: Int(clamping: duration.clampedNanoseconds))
    }
    line.add("method", record.method.rawValue)
    line.add("status", record.status)
    if let byteCount = record.byteCount { line.add("bytes", byteCount) }
    switch record.storing {
    case .stored: line.add("stored", true)
    case .refused(let refusal):
      line.add("stored", false)
      line.add("refusal", refusal.rawValue)
    case .none: break
    }
    if let entry = record.entry {
      line.add("ttl", Int(clamping: entry.times.remainingFreshness(at: record.time)))
      line.add("age", Int(clamping: entry.times.age(at: record.time)))
      line.add("tier", record.isNear ? log.logging.l1 : log.logging.l2)
    }
    if let name = record.policy?.policy.name { line.add("policy", name) }
    if let key = record.entry?.key ?? record.key {
      line.add("key", log.logging.hashKeys ? SipHash128.hex(of: key.text, key: log.hashKey) : key.text)
    }
    if let tags = record.entry?.tags?.names, !tags.isEmpty { line.add("tags", tags) }
    line.add("weight", thousandths: Int((1000 / log.logging.sampleRate).rounded()))
    line.finish()
    return line.bytes
  }

  /// The time as RFC 3339 has it, to the millisecond.
  static func timestamp(_ time: UnixTime) -> String {
    let date = CivilDate(daysSinceEpoch: time.seconds.flooredQuotient(dividingBy: 86_400))
    let second = Int(time.seconds - time.seconds.flooredQuotient(dividingBy: 86_400) * 86_400)
    let millisecond = Int(time.milliseconds - time.seconds * 1000)
    func digits(_ number: Int, _ count: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(count - text.count, 0)) + text
    }
    return "\(digits(date.year, 4))-\(digits(date.month, 2))-\(digits(date.day, 2))T"
      + "\(digits(second / 3600, 2)):\(digits(second / 60 % 60, 2)):\(digits(second % 60, 2)).\(digits(millisecond, 3))Z"
  }
}
