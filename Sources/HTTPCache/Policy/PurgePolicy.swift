//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How clients may invalidate what is stored, with requests of their own: not at all, unless a policy has one of these.
///
/// ```swift
/// policy.purging = PurgePolicy(.secret("…"))
/// ```
///
/// | request | forgets |
/// |---|---|
/// | `PURGE /products/1` | what is stored for that URL, all variants of it |
/// | `BAN /` with `Cache-Tag: a, b` or `Surrogate-Key: a b` | what has any of these tags; all of them with `Cache-Tag-Match: all` |
/// | `BAN /` with `Cache-Path-Prefix: /products/` | what is stored for paths that begin so, at any host |
///
/// With ``softField`` (`Soft-Purge: 1`) it becomes stale instead. Answered with 200 and a receipt in JSON when it is done;
/// with 503 and the same when a store could not be told (try again); with 400 when it says nothing to forget; and with 403
/// when it is not authorised. Without a policy such requests go to the origin, like those of any other method.
public struct PurgePolicy: Sendable {
  /// Who may.
  public struct Authorization: Sendable {
    enum Kind: Sendable {
      case secret(String, field: HeaderName)
      case closure(@Sendable (CacheRequest) async -> Bool)
    }

    let kind: Kind

    /// Whoever knows a secret, which stands behind `Bearer ` in `Authorization` (RFC 6750), or by itself in another field.
    /// It is compared in a time that does not depend on it.
    ///
    /// - Parameter secret: At least 16 octets that nobody can guess.
    public static func secret(_ secret: String, field: HeaderName = .authorization) -> Authorization {
      Authorization(kind: .secret(secret, field: field))
    }

    /// Those for whose requests `isAllowed` is true: by address, by a verified token, and so on.
    public static func matching(_ isAllowed: @escaping @Sendable (CacheRequest) async -> Bool) -> Authorization {
      Authorization(kind: .closure(isAllowed))
    }
  }

  /// Who may.
  public var authorization: Authorization
  /// The method that forgets one URL. Nil: none does.
  public var purgeMethod: RequestMethod?
  /// The method that forgets by tags or path prefixes. Nil: none does.
  public var banMethod: RequestMethod?
  /// The request field that, with the value 1 or true, makes stale instead of forgetting.
  public var softField: HeaderName

  /// - Parameters: see the properties of the same names.
  public init(
    _ authorization: Authorization, purgeMethod: RequestMethod? = "PURGE", banMethod: RequestMethod? = "BAN",
    softField: HeaderName = "Soft-Purge"
  ) {
    self.authorization = authorization
    self.purgeMethod = purgeMethod
    self.banMethod = banMethod
    self.softField = softField
  }

  /// Refuses what makes no sense.
  func validate() throws(CacheConfigurationError) {
    if case .secret(let secret, _) = authorization.kind, secret.utf8.count < 16 {
      throw CacheConfigurationError(
        "the secret of purging has \(secret.utf8.count) octets: give at least 16, so that it cannot be guessed")
    }
    for method in [purgeMethod, banMethod].compactMap({ $0 }) where method.isSafe || method == .post {
      throw CacheConfigurationError("\(method) cannot be a method of purging: clients use it for something else")
    }
    if purgeMethod != nil, purgeMethod == banMethod {
      throw CacheConfigurationError("purging by URL and by tags cannot have the same method")
    }
  }

  /// Whether `request` may do it.
  func allows(_ request: CacheRequest) async -> Bool {
    switch authorization.kind {
    case .closure(let isAllowed): return await isAllowed(request)
    case .secret(let secret, let field):
      // One value: several could be a way to guess several at once.
      let values = request.fields.values(of: field)
      guard values.count == 1, let value = values.first else { return false }
      // `Authorization` has a scheme (RFC 9110 §11.4, RFC 6750 §2.1); a field of one's own is the secret itself.
      guard field == .authorization else { return Self.isSame(Array(value.utf8), Array(secret.utf8)) }
      guard value.utf8.count > 7, value.prefix(7).lowercased() == "bearer " else { return false }
      return Self.isSame(Array(value.dropFirst(7).utf8), Array(secret.utf8))
    }
  }

  /// Compares in a time that depends only on the length of what was presented.
  @inline(never)
  static func isSame(_ presented: [UInt8], _ secret: [UInt8]) -> Bool {
    var difference = presented.count ^ secret.count
    for index in presented.indices { difference |= Int(presented[index] ^ secret[index % secret.count]) }
    return difference == 0
  }
}
