//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The clock that a cache reads: the system's, or a manual one.
///
/// Reading the system's takes about 6 ns, because it is the coarse one (a tick of 1 to 4 ms): no freshness lifetime in
/// HTTP is finer than a second.
public struct CacheClock: Sendable {
  /// Boxed, so that looking whether there is one, which every hit does, copies no existential.
  private final class Source: Sendable {
    let source: any TimeSource
    init(_ source: any TimeSource) { self.source = source }
  }

  private let box: Source?

  /// The machine's clocks.
  public static let system = CacheClock(box: nil)

  /// A clock over a source of one's own.
  public init(_ source: some TimeSource) { box = Source(source) }

  private init(box: Source?) { self.box = box }

  /// Whether there is no source of one's own.
  var isSystem: Bool { box == nil }

  /// Whether both read the same time. Two sources that are values of one type count as the same: they cannot be told apart.
  func isSame(as other: CacheClock) -> Bool {
    guard let box, let other = other.box else { return self.box == nil && other.box == nil }
    if box === other { return true }
    let (type, otherType) = (Swift.type(of: box.source), Swift.type(of: other.source))
    guard type is AnyClass, otherType is AnyClass else { return type == otherType }
    return box.source as AnyObject === other.source as AnyObject
  }

  /// The one clock of several parts that work together.
  ///
  /// - Parameter users: The parts, by name, with the clock that each was given; nil for one that was given none. Those who
  ///   were given none take that of the first who was.
  /// - Throws: When two were given different clocks: what one of them considers fresh the other would have expired.
  static func shared(by users: [(name: String, clock: CacheClock?)]) throws(CacheConfigurationError) -> CacheClock {
    var first: (name: String, clock: CacheClock)?
    for case (let name, let clock?) in users {
      guard let known = first else {
        first = (name, clock)
        continue
      }
      guard known.clock.isSame(as: clock) else {
        throw CacheConfigurationError(
          "\(known.name) and \(name) read different clocks: give both the same, or only the backend one")
      }
    }
    return first?.clock ?? .system
  }

  /// The time that only goes forward.
  public var now: CacheInstant { fastNow }

  @inline(__always)
  var fastNow: CacheInstant {
    box == nil ? CacheInstant(nanoseconds: Self.read(Self.coarseMonotonic)) : sourceNow
  }

  @inline(never)
  private var sourceNow: CacheInstant { box?.source.now ?? .distantPast }

  /// The same time as finely as the machine tells it: for measuring how long something takes. May be up to a tick ahead of
  /// `now`, which the machine tells more cheaply.
  package var preciseNow: CacheInstant {
    box == nil ? CacheInstant(nanoseconds: Self.read(Self.monotonic)) : sourceNow
  }

  /// The time of day.
  public var unixTime: UnixTime {
    if let source = box?.source { return source.unixTime }
    return UnixTime(milliseconds: Self.read(CLOCK_REALTIME) / 1_000_000)
  }

  /// `now`, or a tick before where the clock is coarse: it may show the past, and an age is better a moment too high than
  /// too low.
  var nowAtTheEarliest: CacheInstant {
    box == nil ? CacheInstant(nanoseconds: Self.read(Self.coarseMonotonic) &- Self.tick) : sourceNow
  }

  /// The tick of the coarse clock, in nanoseconds.
  private static let tick: Int64 = {
    var resolution = timespec()
    clock_getres(coarseMonotonic, &resolution)
    return Int64(resolution.tv_sec) &* 1_000_000_000 &+ Int64(resolution.tv_nsec)
  }()

  /// Returns at `deadline`.
  ///
  /// - Throws: `CancellationError` when the task is cancelled first.
  public func sleep(until deadline: CacheInstant) async throws {
    if let source = box?.source { return try await source.sleep(until: deadline) }
    let remaining = deadline.duration(since: CacheInstant(nanoseconds: Self.read(Self.monotonic)))
    if remaining > .zero { try await Task.sleep(for: remaining) }
  }

  #if canImport(Darwin)
    private static let coarseMonotonic = CLOCK_UPTIME_RAW_APPROX
    private static let monotonic = CLOCK_UPTIME_RAW
  #else
    private static let coarseMonotonic = CLOCK_MONOTONIC_COARSE
    private static let monotonic = CLOCK_MONOTONIC
  #endif

  @inline(__always)
  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
