//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a request demands of the cache (RFC 9111 §5.2.1, RFC 5861 §4), and whether it may be one user's own.
struct RequestDirectives: Hashable, Sendable {
  /// How stale a response the client accepts (§5.2.1.2).
  enum MaxStale: Hashable, Sendable {
    /// However stale.
    case any
    /// By so many seconds at most.
    case seconds(Int64)
  }

  /// §5.2.1.5: nothing of the request or its response may be stored.
  var noStore = false
  /// §5.2.1.4: no stored response without validation.
  var noCache = false
  /// §5.2.1.7: a stored response or a 504.
  var onlyIfCached = false
  /// §5.2.1.1: the greatest age, in seconds.
  var maxAge: Int64?
  /// §5.2.1.3: how many seconds it must still be fresh.
  var minFresh: Int64?
  /// §5.2.1.2.
  var maxStale: MaxStale?
  /// RFC 5861 §4: by how many seconds it may be stale when the origin fails.
  var staleIfError: Int64?
  /// Whether the request has credentials or a cookie that may make its response one user's own (``CookieRule``). Such a
  /// request is not answered with a response whose lifetime only the policy gives.
  var isPersonal = false

  /// No demands.
  static let none = RequestDirectives()

  private init() {}

  /// Whether a request with these fields present (`HeaderFields.presence`) cannot have any directives.
  @inline(__always)
  static func isAbsent(in presence: UInt64) -> Bool {
    presence & (KnownHeader.cacheControl.bit | KnownHeader.pragma.bit) == 0
  }

  /// The directives of the `Cache-Control` fields; where there are none, `Pragma: no-cache` counts as one (§5.4).
  ///
  /// A number of seconds that is none is read as the client's likely wish: for `max-age` zero, for the others nothing.
  init(_ fields: HeaderFields) {
    var directives = RequestDirectives()
    if Self.isAbsent(in: fields.presence) {
    } else if fields.contains(KnownHeader.cacheControl) {
      fields.forEachValue(of: KnownHeader.cacheControl) { value in
        CacheDirective.forEach(in: value) { directives.add($0, of: value) }
      }
    } else {
      fields.forEachValue(of: KnownHeader.pragma) { value in
        CacheDirective.forEach(in: value) { if $0.name == .noCache { directives.noCache = true } }
      }
    }
    self = directives
  }

  /// Whether nothing is demanded.
  @inline(__always)
  var areNone: Bool {
    !noCache && !noStore && !onlyIfCached && maxAge == nil && minFresh == nil && maxStale == nil && staleIfError == nil
  }

  /// The same without what makes the cache ask the origin although a stored response could be used: for a cache whose
  /// clients are not to decide that. Permissions (`max-stale`, `stale-if-error`), `only-if-cached` and `no-store` concern
  /// nobody but the client, and stay.
  var withoutDemands: RequestDirectives {
    var directives = self
    directives.noCache = false
    directives.maxAge = nil
    directives.minFresh = nil
    return directives
  }

  /// Whether no response may be used that was asked for by somebody else, whatever it says of itself (§5.2.1.1,
  /// §5.2.1.4). An `immutable` one is found by a lookup.
  @inline(__always)
  var demandValidation: Bool { noCache || maxAge == 0 }

  private mutating func add(_ directive: CacheDirective, of value: Span<UInt8>) {
    switch directive.name {
    case .noStore: noStore = true
    case .noCache: noCache = true
    case .onlyIfCached: onlyIfCached = true
    case .maxAge: maxAge = maxAge ?? directive.seconds(in: value) ?? 0
    case .minFresh: minFresh = minFresh ?? directive.seconds(in: value)
    case .staleIfError: staleIfError = staleIfError ?? directive.seconds(in: value)
    case .maxStale:
      if case .absent = directive.argument {
        maxStale = maxStale ?? .any
      } else if let seconds = directive.seconds(in: value) {
        maxStale = maxStale ?? .seconds(seconds)
      }
    default: break
    }
  }
}
