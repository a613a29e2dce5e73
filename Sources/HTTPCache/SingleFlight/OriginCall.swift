//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A call of the origin by a cache, whose response several requests may wait for (request collapsing).
///
/// For services that account for what is asked on behalf of several clients: a handler behind the cache learns here which
/// call it serves, and a service before the cache which call a request of its own waits for.
///
/// ```swift
/// // Before the cache:
/// try await OriginCall.observing { call in waiting.add(client, to: call) } during: { try await cached.call(request) }
/// // Behind it:
/// let others = OriginCall.current.map { waiting.clients(of: $0) }
/// ```
///
/// Calls for one request alone, and those of a policy whose ``TagPolicy/ambience`` is ``TagPolicy/Ambience/none``, are not
/// told.
public struct OriginCall: Hashable, Sendable {
  @TaskLocal private static var observer: (@Sendable (OriginCall) -> Void)?

  /// The scope of the call's flight, which is the call's identity.
  private let scope: TagScope

  /// The call that the current task serves; nil outside of a handler behind a cache.
  public static var current: OriginCall? { TagScope.ambient.map(OriginCall.init) }

  /// Calls `operation`, and `observer` whenever a request of it has begun to wait for a call that another request has
  /// caused, or to read the response of such a call while it arrives.
  ///
  /// - Parameters:
  ///   - observer: Called in the request's task, before the request waits. What `operation` leaves running holds on to it.
  ///   - operation: Asks the cache.
  public static func observing<Result>(
    _ observer: @escaping @Sendable (OriginCall) -> Void,
    isolation: isolated (any Actor)? = #isolation, during operation: () async throws -> Result
  ) async rethrows -> Result {
    try await $observer.withValue(observer, operation: operation, isolation: isolation)
  }

  /// Tells the current task's observer, if there is one, that its request waits for the call of `flight`.
  static func noteWait(for flight: Flight) { observer?(OriginCall(scope: flight.scope)) }

  private init(scope: TagScope) { self.scope = scope }

  /// Whether both are the same call.
  public static func == (left: OriginCall, right: OriginCall) -> Bool { left.scope === right.scope }

  /// Hashes the identity of the call.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(scope)) }
}
