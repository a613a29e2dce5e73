//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Targeted cache control: fields such as `CDN-Cache-Control` that speak to some caches only.
///
/// | section | what | function |
/// |---|---|---|
/// | §2.1 | syntax | ``directives(in:)``, ``StructuredField`` |
/// | §2.2 | which field counts | ``effectiveDirectives(of:targetedFields:)`` |
enum RFC9213 {
  /// The directives that count for this cache: those of the first field of its list that is there, valid and not empty,
  /// and otherwise those of `Cache-Control` (§2.2). Where a targeted field counts, `Cache-Control` and `Expires` do
  /// not.
  static func effectiveDirectives(
    of fields: HeaderFields, targetedFields: [HeaderName]
  ) -> (directives: ResponseDirectives, isTargeted: Bool) {
    for name in targetedFields where fields.contains(name) {
      let members = StructuredField.withCombinedValue(of: name, in: fields) { StructuredField.dictionary($0) } ?? nil
      if let members, !members.isEmpty { return (directives(in: members), true) }
    }
    return (ResponseDirectives(fields), false)
  }

  /// The directives among the members of a targeted field (§2.1).
  ///
  /// A member whose value is not of the type that belongs to the directive is ignored: true for one without argument, a
  /// number for one with seconds, a string for one with field names. A negative number of seconds is stale.
  static func directives(in members: [StructuredField.Member]) -> ResponseDirectives {
    var directives = ResponseDirectives()
    for member in members {
      var key = member.key
      let name = key.withUTF8 { buffer in CacheDirective.name(buffer.span, 0..<buffer.count) }
      guard let name, case .item(let item) = member.value else { continue }
      switch (name, item) {
      case (.maxAge, .integer(let seconds)): directives.maxAge = clamped(seconds)
      case (.sMaxage, .integer(let seconds)): directives.sMaxage = clamped(seconds)
      case (.staleWhileRevalidate, .integer(let seconds)): directives.staleWhileRevalidate = clamped(seconds)
      case (.staleIfError, .integer(let seconds)): directives.staleIfError = clamped(seconds)
      case (.noCache, .string(let names)): directives.setListed(names, for: \.noCacheFields, or: .noCache)
      case (.private, .string(let names)): directives.setListed(names, for: \.privateFields, or: .isPrivate)
      case (_, .boolean(let isSet)):
        guard let flag = flag(for: name) else { continue }
        // Of a repeated key the last counts (RFC 9651 §4.2.2).
        if isSet { directives.flags.insert(flag) } else { directives.flags.remove(flag) }
      default: continue
      }
    }
    return directives
  }

  private static func clamped(_ seconds: Int64) -> Int64 { min(max(0, seconds), FieldSyntax.greatestDeltaSeconds) }

  private static func flag(for name: CacheDirective.Name) -> ResponseDirectives.Flags? {
    switch name {
    case .noStore: .noStore
    case .noCache: .noCache
    case .private: .isPrivate
    case .public: .isPublic
    case .mustRevalidate: .mustRevalidate
    case .proxyRevalidate: .proxyRevalidate
    case .mustUnderstand: .mustUnderstand
    case .immutable: .immutable
    case .noTransform: .noTransform
    default: nil
    }
  }
}

extension ResponseDirectives {
  fileprivate mutating func setListed(
    _ names: String, for keyPath: WritableKeyPath<ResponseDirectives, [HeaderName]>, or flag: Flags
  ) {
    var names = names
    self[keyPath: keyPath] = []
    let isList = names.withUTF8 { buffer in addListed(buffer.span, 0..<buffer.count, to: keyPath) }
    if !isList { flags.insert(flag) }
  }
}
