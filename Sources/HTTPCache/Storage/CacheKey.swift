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

/// What a response is stored under.
///
/// A key is made of parts that a request already has, so that making one allocates nothing; its `text` is put together only
/// for those who need it (remote backends, logs, the admin API).
public struct CacheKey: Sendable {
  /// Stands for the key in tables of this process.
  public let digest: KeyDigest
  let authority: String
  let target: String
  let scheme: Scheme
  /// What few keys have; nil for the rest, so that copying a key does not count references to empty parts.
  let uncommonParts: UncommonParts?

  /// The schemes that keys have in practice, so that they take an octet instead of a string.
  enum Scheme: UInt8 {
    case http, https, other
    /// The key is of its user's own making.
    case custom

    /// How long its name is, where the name is always the same.
    var usualByteCount: Int {
      switch self {
      case .http: 4
      case .https: 5
      case .other, .custom: 0
      }
    }

    /// `http` or `https`; nil for the rest.
    @inline(__always)
    init?(usual text: String) {
      // By their words first, as in `isSame`: comparing strings is a call where they differ, as for each `https`.
      if CacheKey.areSameWords(text, "http") {
        self = .http
      } else if CacheKey.areSameWords(text, "https") {
        self = .https
      } else {
        self.init(unusual: text)
      }
    }

    @inline(never)
    private init?(unusual text: String) {
      guard text == "http" || text == "https" else { return nil }
      self = text == "http" ? .http : .https
    }
  }

  /// The parts that few keys have.
  final class UncommonParts: Sendable {
    /// The scheme, if it is neither of the usual ones.
    let scheme: String
    /// The selecting header fields; empty for a primary key, "\u{1}" for a variant selected by nothing.
    let variant: String

    init(scheme: String, variant: String) {
      self.scheme = scheme
      self.variant = variant
    }

    /// The memory that the parts take, in bytes.
    var byteCount: Int {
      HeapBlock.byteCount(ofObjectWith: (String, String).self) + HeapBlock.byteCount(of: scheme)
        + HeapBlock.byteCount(of: variant)
    }
  }

  /// The default key: scheme, authority, path and query. GET and HEAD share it.
  public init(scheme: String, authority: String, target: String) {
    let code: Scheme = scheme == "https" ? .https : scheme == "http" ? .http : scheme.isEmpty ? .custom : .other
    let start =
      switch code {
      case .http: Self.http
      case .https: Self.https
      default: KeyDigest().appending(scheme)
      }
    self.init(
      digest: start.appending(authority, target), scheme: code, authority: authority, target: target,
      uncommonParts: code == .other ? UncommonParts(scheme: scheme, variant: "") : nil)
  }

  /// What the digests of the usual schemes begin with.
  private static let http = KeyDigest().appending("http")
  private static let https = KeyDigest().appending("https")

  /// A key of one's own making. Never equal to a default key.
  ///
  /// - Precondition: `text` is not empty. Requests without a key must not be given the same one.
  public init(custom text: String) {
    precondition(!text.isEmpty, "an empty key would make all keyless requests share one response")
    self.init(scheme: "", authority: "", target: text)
  }

  /// A key from its parts.
  init(digest: KeyDigest, scheme: Scheme, authority: String, target: String, uncommonParts: UncommonParts?) {
    self.digest = digest
    self.scheme = scheme
    self.authority = authority
    self.target = target
    self.uncommonParts = uncommonParts
  }

  /// The key of one variant of this key's resource (RFC 9111 §4.1).
  ///
  /// - Parameter selection: The selecting header fields and their normalised values, as text.
  public func variant(_ selection: String) -> CacheKey {
    // Variants share the shard of their resource, so that a lookup takes one lock (``ShardArray/index(of:)``).
    CacheKey(
      digest: digest.appending(selection).inShard(of: digest), scheme: scheme, authority: authority, target: target,
      uncommonParts: UncommonParts(
        scheme: uncommonParts?.scheme ?? "", variant: selection.isEmpty ? "\u{1}" : selection))
  }

  /// This key without its variant.
  public var primary: CacheKey {
    variant.isEmpty ? self : CacheKey(scheme: schemeText, authority: authority, target: target)
  }

  /// What tells the variant from others; nil or empty for a primary key.
  var variantText: String? { uncommonParts?.variant }

  private var variant: String { uncommonParts?.variant ?? "" }

  var schemeText: String {
    switch scheme {
    case .http: "http"
    case .https: "https"
    case .other: uncommonParts?.scheme ?? ""
    case .custom: ""
    }
  }

  /// The whole key as text: the same in every process, different for different keys.
  public var text: String {
    let resource = scheme == .custom ? "key:\(target)" : "\(schemeText)://\(authority)\(target)"
    return variant.isEmpty ? resource : "\(resource)\u{0}\(variant)"
  }

  /// Path and query; the whole text of a key of a user's own making.
  var targetText: String { target }

  /// The number of bytes that the parts of the key take.
  public var byteCount: Int {
    schemeText.utf8.count + authority.utf8.count + target.utf8.count + variant.utf8.count
  }
}

extension CacheKey: Hashable, CustomStringConvertible {
  /// Whether both stand for the same.
  @inline(__always)
  public static func == (left: CacheKey, right: CacheKey) -> Bool {
    left.digest == right.digest && left.scheme == right.scheme && isSame(left.target, right.target)
      && isSame(left.authority, right.authority) && isSame(left.uncommonParts, right.uncommonParts)
  }

  /// Octet for octet, as the digest has it: `==` on strings would also take the trouble of Unicode equivalence.
  @inline(__always)
  static func isSame(_ left: String, _ right: String) -> Bool {
    areSameWords(left, right) || isSameText(left, right)
  }

  @inline(never)
  private static func isSameText(_ left: String, _ right: String) -> Bool { isSameMemory(left, right) }

  /// Whether two strings are certainly the same.
  ///
  /// A string is two words. Where both are equal the octets are: they are in the words (up to 15 octets, as most
  /// authorities have), or the words say where they are. Nothing follows from the words being different.
  @inline(__always)
  static func areSameWords(_ left: String, _ right: String) -> Bool {
    let leftWords = unsafeBitCast(left, to: (UInt, UInt).self)
    let rightWords = unsafeBitCast(right, to: (UInt, UInt).self)
    return leftWords.0 == rightWords.0 && leftWords.1 == rightWords.1
  }

  @inline(__always)
  static func isSameMemory(_ left: String, _ right: String) -> Bool {
    // Strings that are not contiguous come from Objective-C only.
    left.utf8.withContiguousStorageIfAvailable { left in
      right.utf8.withContiguousStorageIfAvailable { isSameMemory(left, $0) }
        ?? isSameScattered(right, left)
    } ?? isSameScattered(left, right.utf8)
  }

  @inline(__always)
  private static func isSameMemory(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
    guard left.count == right.count, let leftBase = left.baseAddress, let rightBase = right.baseAddress else {
      return left.isEmpty && right.isEmpty
    }
    return memcmp(leftBase, rightBase, left.count) == 0
  }

  @inline(never)
  private static func isSameScattered(_ left: String, _ right: some Collection<UInt8>) -> Bool {
    left.utf8.elementsEqual(right)
  }

  @inline(__always)
  static func isSame(_ left: UncommonParts?, _ right: UncommonParts?) -> Bool {
    if left == nil && right == nil { return true }
    return isSameRarity(left, right)
  }

  @inline(never)
  private static func isSameRarity(_ left: UncommonParts?, _ right: UncommonParts?) -> Bool {
    guard let left, let right else { return false }
    return isSame(left.variant, right.variant) && isSame(left.scheme, right.scheme)
  }

  /// Feeds what equality compares into `hasher`.
  public func hash(into hasher: inout Hasher) { hasher.combine(digest) }

  /// The value as text, for people.
  public var description: String { text }
}
