//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a response is stored under.
///
/// A key is made of parts that a request already has, so that making one allocates nothing; its `text` is put together only
/// for those who need it (remote backends, logs, the admin API).
public struct CacheKey: Sendable {
  /// Stands for the key in tables of this process.
  public let digest: KeyDigest
  private let scheme: String
  private let authority: String
  private let target: String
  private let variant: String

  /// The default key: scheme, authority, path and query. GET and HEAD share it.
  public init(scheme: String, authority: String, target: String) {
    self.scheme = scheme
    self.authority = authority
    self.target = target
    self.variant = ""
    digest = KeyDigest().appending(scheme).appending(authority).appending(target)
  }

  /// A key of one's own making. Never equal to a default key.
  ///
  /// - Precondition: `text` is not empty. Requests without a key must not be given the same one.
  public init(custom text: String) {
    precondition(!text.isEmpty, "an empty key would make all keyless requests share one response")
    self.init(scheme: "", authority: "", target: text)
  }

  private init(digest: KeyDigest, scheme: String, authority: String, target: String, variant: String) {
    self.digest = digest
    self.scheme = scheme
    self.authority = authority
    self.target = target
    self.variant = variant
  }

  /// The key of one variant of this key's resource (RFC 9111 §4.1).
  ///
  /// - Parameter selection: The selecting header fields and their normalised values, as text.
  public func variant(_ selection: String) -> CacheKey {
    CacheKey(
      digest: digest.appending(selection), scheme: scheme, authority: authority, target: target,
      variant: selection.isEmpty ? "\u{1}" : selection)
  }

  /// This key without its variant.
  public var primary: CacheKey {
    variant.isEmpty ? self : CacheKey(scheme: scheme, authority: authority, target: target)
  }

  /// The whole key as text: the same in every process, different for different keys.
  public var text: String {
    let resource = scheme.isEmpty ? "key:\(target)" : "\(scheme)://\(authority)\(target)"
    return variant.isEmpty ? resource : "\(resource)\u{0}\(variant)"
  }

  /// The number of bytes that the parts of the key take.
  public var byteCount: Int {
    scheme.utf8.count + authority.utf8.count + target.utf8.count + variant.utf8.count
  }
}

extension CacheKey: Hashable, CustomStringConvertible {
  public static func == (left: CacheKey, right: CacheKey) -> Bool {
    left.digest == right.digest && left.target == right.target && left.authority == right.authority
      && left.scheme == right.scheme && left.variant == right.variant
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(digest) }

  public var description: String { text }
}
