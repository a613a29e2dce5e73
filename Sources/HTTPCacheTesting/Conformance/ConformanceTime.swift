//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// How ``BackendConformance`` lets time pass for the backend.
public struct ConformanceTime: Sendable {
  /// The clock that the backend reads.
  public var clock: CacheClock
  /// Lets so much time pass by that clock.
  public var advance: @Sendable (Duration) async throws -> Void
  /// The largest duration that can be let pass.
  public var limit: Duration

  /// - Parameters: see the properties of the same names.
  public init(
    clock: CacheClock, limit: Duration, advance: @escaping @Sendable (Duration) async throws -> Void
  ) {
    self.clock = clock
    self.limit = limit
    self.advance = advance
  }

  /// The time of a manual clock that the backend reads too: nothing takes any.
  public static func manual(_ clock: ManualClock) -> ConformanceTime {
    ConformanceTime(clock: CacheClock(clock), limit: .seconds(1_000_000_000)) { clock.advance(by: $0) }
  }

  /// Real time, for stores that have a clock of their own: expiry is waited for, a few seconds at most.
  public static let real = ConformanceTime(clock: .system, limit: .seconds(5)) { try await Task.sleep(for: $0) }
}
