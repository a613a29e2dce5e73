//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The directives of a response (RFC 9111 §5.2.2, RFC 5861, RFC 8246).
///
/// - A directive that is repeated counts with its first occurrence (§4.2.1).
/// - A number of seconds that is none counts as zero: the response is stale (§4.2.1).
/// - A prohibition holds however badly its argument is written; a permission does not.
struct ResponseDirectives: Sendable {
  /// The directives that are simply there or not.
  struct Flags: OptionSet, Sendable {
    let rawValue: UInt16
    static let noStore = Flags(rawValue: 1 << 0)
    static let noCache = Flags(rawValue: 1 << 1)
    static let isPrivate = Flags(rawValue: 1 << 2)
    static let isPublic = Flags(rawValue: 1 << 3)
    static let mustRevalidate = Flags(rawValue: 1 << 4)
    static let proxyRevalidate = Flags(rawValue: 1 << 5)
    static let mustUnderstand = Flags(rawValue: 1 << 6)
    static let immutable = Flags(rawValue: 1 << 7)
    static let noTransform = Flags(rawValue: 1 << 8)
  }

  /// The most field names that one `no-cache` or `private` may list; more, and it counts as if it listed none.
  static let maximumListedFields = 64

  var flags: Flags = []
  var maxAge: Int64?
  var sMaxage: Int64?
  var staleWhileRevalidate: Int64?
  var staleIfError: Int64?
  /// The fields that `no-cache="…"` lists (§5.2.2.4).
  var noCacheFields: [HeaderName] = []
  /// The fields that `private="…"` lists (§5.2.2.7).
  var privateFields: [HeaderName] = []

  init() {}

  /// The directives of the `Cache-Control` fields among `fields`.
  init(_ fields: HeaderFields) {
    self.init()
    fields.forEachValue(of: KnownHeader.cacheControl) { value in
      CacheDirective.forEach(in: value) { add($0, of: value) }
    }
  }

  var noStore: Bool { flags.contains(.noStore) }
  /// Without field names: the whole response must not be used unvalidated.
  var noCache: Bool { flags.contains(.noCache) }
  /// Without field names: the whole response is for one user.
  var isPrivate: Bool { flags.contains(.isPrivate) }
  var isPublic: Bool { flags.contains(.isPublic) }

  private mutating func add(_ directive: CacheDirective, of value: Span<UInt8>) {
    let isWellFormed = if case .absent = directive.argument { true } else { false }
    switch directive.name {
    case .noStore: flags.insert(.noStore)
    case .noCache: addListed(directive, of: value, to: \.noCacheFields, or: .noCache)
    case .private: addListed(directive, of: value, to: \.privateFields, or: .isPrivate)
    case .mustRevalidate: flags.insert(.mustRevalidate)
    case .proxyRevalidate: flags.insert(.proxyRevalidate)
    case .noTransform: flags.insert(.noTransform)
    case .public: if isWellFormed { flags.insert(.isPublic) }
    case .mustUnderstand: if isWellFormed { flags.insert(.mustUnderstand) }
    case .immutable: if isWellFormed { flags.insert(.immutable) }
    case .maxAge: maxAge = maxAge ?? directive.seconds(in: value) ?? 0
    case .sMaxage: sMaxage = sMaxage ?? directive.seconds(in: value) ?? 0
    case .staleWhileRevalidate: staleWhileRevalidate = staleWhileRevalidate ?? directive.seconds(in: value) ?? 0
    case .staleIfError: staleIfError = staleIfError ?? directive.seconds(in: value) ?? 0
    case .maxStale, .minFresh, .onlyIfCached: break
    }
  }

  private mutating func addListed(
    _ directive: CacheDirective, of value: Span<UInt8>, to names: WritableKeyPath<ResponseDirectives, [HeaderName]>,
    or flag: Flags
  ) {
    guard case .value(let range) = directive.argument,
      addListed(value, range, to: names)
    else {
      flags.insert(flag)
      return
    }
  }

  /// Adds the field names that stand at `range`; false when there are none, or something that is none, or too many.
  mutating func addListed(
    _ value: Span<UInt8>, _ range: Range<Int>, to names: WritableKeyPath<ResponseDirectives, [HeaderName]>
  ) -> Bool {
    let count = self[keyPath: names].count
    let areAllNames = FieldSyntax.appendNames(
      in: value, range, to: &self[keyPath: names], limit: Self.maximumListedFields)
    return areAllNames && self[keyPath: names].count > count
  }
}
