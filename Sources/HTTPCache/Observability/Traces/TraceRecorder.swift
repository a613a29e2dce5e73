//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Records the requests of a cache for simulators, to choose a capacity and an eviction policy by.
///
/// ```swift
/// let trace = TraceRecorder(path: "/var/tmp/cache.trace", sampleRate: 0.1)
/// cache.startTrace(trace)
/// // …
/// await cache.stopTrace(trace)
/// ```
///
/// All requests of some keys are recorded, none of the others, in records of fixed size (``TraceRecord``). The program
/// `http-cache-trace` replays, converts and anonymises them. Instead of keys there are keyed hashes in the file. Written as a log is
/// (``FileLogSink``), outside the path of requests.
public final class TraceRecorder: RequestRecordConsumer {
  /// The part of the keys whose requests are recorded.
  public let sampleRate: Double
  let threshold: UInt64
  let queue: SinkQueue
  private let hashKey: (UInt64, UInt64)
  private let clock: CacheClock

  /// - Parameters:
  ///   - path: Where the file is.
  ///   - sampleRate: The part of the keys whose requests are recorded: above 0, at most 1.
  ///   - hashSecret: The key of the hashes; empty for one of this recorder's own.
  ///   - maximumByteCount: How long a file may be.
  ///   - maximumAge: For how long a file is written to; nil for any time.
  ///   - keptFileCount: How many full files are kept.
  ///   - clock: The clock of the cache.
  public convenience init(
    path: String, sampleRate: Double = 1, hashSecret: String = "", maximumByteCount: Int = 256 << 20,
    maximumAge: Duration? = nil, keptFileCount: Int = 4, clock: CacheClock = .system
  ) {
    let rate = min(max(sampleRate, 1e-9), 1)
    let header = TraceHeader(unixNanoseconds: Self.nanoseconds(clock.unixTime), sampleRate: rate)
    self.init(
      sink: FileLogSink(
        path: path, maximumByteCount: maximumByteCount, maximumAge: maximumAge, keptFileCount: keptFileCount,
        clock: clock, header: header.bytes),
      sampleRate: rate, hashSecret: hashSecret, clock: clock)
  }

  /// A recorder that writes to any sink: whole records, without a header.
  public init(
    sink: any CacheLogSink, sampleRate: Double = 1, hashSecret: String = "", clock: CacheClock = .system
  ) {
    self.sampleRate = sampleRate
    threshold = .threshold(forRate: sampleRate)
    queue = SinkQueue(sink)
    hashKey = SipHash128.key(from: hashSecret)
    self.clock = clock
  }

  /// The numbers of records that were written and dropped.
  public var statistics: CacheLogStatistics { queue.statistics }

  func consume(_ records: [RequestRecord]) {
    let (now, unixTime) = (clock.now, Self.nanoseconds(clock.unixTime))
    var bytes: [UInt8] = []
    bytes.reserveCapacity(records.count * TraceRecord.byteCount)
    for record in records where record.digest.high < threshold || threshold == .max {
      guard var written = TraceRecord(record) else { continue }
      if let key = record.entry?.key ?? record.key { written.id = SipHash128.digest(of: key.text, key: hashKey).0 }
      let ago = UInt64(clamping: now.duration(since: record.time).clampedNanoseconds)
      written.unixNanoseconds = unixTime - min(ago, unixTime)
      written.write(to: &bytes)
    }
    if !bytes.isEmpty { queue.append(bytes, unitCount: bytes.count / TraceRecord.byteCount) }
  }

  private static func nanoseconds(_ time: UnixTime) -> UInt64 {
    UInt64(clamping: time.milliseconds).multipliedReportingOverflow(by: 1_000_000).partialValue
  }
}

extension TraceRecord {
  /// Creates what is written of a record; nil if it is of nothing that simulators know.
  init?(_ record: RequestRecord) {
    self.init()
    switch record.kind {
    case .answered(let outcome):
      operation = .get
      self.outcome = UInt8(outcome.kind.rawValue)
      reason = UInt8(outcome.reasonNumber)
    case .stored: operation = .store
    case .invalidated: operation = .invalidate
    case .refused, .refreshStarted, .refreshFailed, .backendFailed: return nil
    }
    monotonicNanoseconds = UInt64(clamping: record.time.nanoseconds)
    size = UInt64(clamping: record.byteCount ?? 0)
    status = UInt16(clamping: record.status)
    method = record.method == .get ? 1 : record.method == .head ? 2 : 0
    originMicroseconds = UInt32(clamping: (record.originDuration?.clampedNanoseconds ?? 0) / 1000)
    microseconds = UInt32(clamping: record.duration.clampedNanoseconds / 1000)
    policy = UInt16(clamping: record.policy?.number ?? 0)
    guard let entry = record.entry else { return }
    size = UInt64(entry.body.count)
    headSize = UInt32(clamping: entry.fields.serializedByteCount)
    timeToLive = Int32(clamping: entry.times.remainingFreshness(at: record.time))
    age = Int32(clamping: entry.times.age(at: record.time))
    if operation == .get { tier = record.isNear ? 1 : 2 }
    if originMicroseconds == 0, operation == .store { originMicroseconds = entry.costInMicroseconds }
    if let type = entry.fields[.contentType] { contentType = ContentType(type) }
  }
}

extension CacheOutcome {
  /// The position of the reason among those of its outcome, from 1; 0 where there is none.
  fileprivate var reasonNumber: Int {
    func number<Reason: CaseIterable & Equatable>(_ reason: Reason) -> Int {
      Array(Reason.allCases).firstIndex(of: reason).map { $0 + 1 } ?? 0
    }
    return switch self {
    case .hit, .revalidated, .collapsed: 0
    case .stale(let reason): number(reason)
    case .miss(let reason): number(reason)
    case .bypass(let reason): number(reason)
    case .failed(let reason): number(reason)
    }
  }
}
