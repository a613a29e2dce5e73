//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// `No-Vary-Search`: which parts of a query make no difference to the response
/// (draft-ietf-httpbis-no-vary-search).
///
/// ```
/// No-Vary-Search: key-order, params=("utm_source" "utm_medium")
/// ```
struct NoVarySearch: Hashable, Sendable {
  /// Which parameters make a difference.
  enum Parameters: Hashable, Sendable {
    /// All but these.
    case allExcept(Set<String>)
    /// None but these.
    case only(Set<String>)
  }

  var parameters: Parameters
  /// Whether the order of parameters with different keys makes a difference.
  var variesOnOrder: Bool

  /// Everything makes a difference, as without the field.
  static let everything = NoVarySearch(parameters: .allExcept([]), variesOnOrder: true)

  init(parameters: Parameters, variesOnOrder: Bool) {
    self.parameters = parameters
    self.variesOnOrder = variesOnOrder
  }

  /// What the field among `fields` says. One that is invalid in any way says nothing: everything makes a difference.
  init(_ fields: HeaderFields) {
    self = .everything
    guard fields.contains(KnownHeader.noVarySearch) else { return }
    let members =
      StructuredField.withCombinedValue(of: HeaderName(KnownHeader.noVarySearch), in: fields) {
        StructuredField.dictionary($0)
      } ?? nil
    if let parsed = members.flatMap(Self.parse) { self = parsed }
  }

  private static func parse(_ members: [StructuredField.Member]) -> NoVarySearch? {
    var dictionary: [String: StructuredField.Value] = [:]
    for member in members { dictionary[member.key] = member.value }
    var result = everything
    if let order = dictionary["key-order"] {
      guard case .item(.boolean(let ignoresOrder)) = order else { return nil }
      result.variesOnOrder = !ignoresOrder
    }
    var ignoresAll = false
    switch dictionary["params"] {
    case nil: break
    case .item(.boolean(let isSet)): ignoresAll = isSet
    case .innerList(let items):
      guard let keys = keys(items) else { return nil }
      result.parameters = .allExcept(keys)
    default: return nil
    }
    if ignoresAll { result.parameters = .only([]) }
    if let except = dictionary["except"] {
      guard ignoresAll, case .innerList(let items) = except, let keys = keys(items) else { return nil }
      result.parameters = .only(keys)
    }
    return result
  }

  private static func keys(_ items: [StructuredField.Item]) -> Set<String>? {
    var keys: Set<String> = []
    for item in items {
      guard case .string(let key) = item else { return nil }
      keys.insert(decoded(key.utf8))
    }
    return keys
  }

  /// A text that is the same for equal rules, and for no others.
  var identity: String {
    let (kind, keys): (String, Set<String>) =
      switch parameters {
      case .allExcept(let keys): ("except", keys)
      case .only(let keys): ("only", keys)
      }
    return "\(kind) \(variesOnOrder) \(keys.sorted().map { "\($0.utf8.count):\($0)" }.joined(separator: ","))"
  }

  /// The target in a form that is the same for all targets whose differences make none.
  ///
  /// Parameters are read and written as `application/x-www-form-urlencoded` (URL Standard §5). When everything makes a
  /// difference the target is returned as it is.
  ///
  /// - Complexity: O(*n*), plus sorting when the order makes no difference.
  func normalized(target: String) -> String {
    if self == .everything { return target }
    let utf8 = target.utf8
    guard let question = utf8.firstIndex(of: UInt8(ascii: "?")) else { return target }
    var pairs: [(key: String, value: String)] = []
    for part in utf8[utf8.index(after: question)...].split(separator: UInt8(ascii: "&")) {
      let equals = part.firstIndex(of: ASCII.equals)
      let key = Self.decoded(part[..<(equals ?? part.endIndex)])
      let isKept =
        switch parameters {
        case .allExcept(let keys): !keys.contains(key)
        case .only(let keys): keys.contains(key)
        }
      if isKept { pairs.append((key, equals.map { Self.decoded(part[part.index(after: $0)...]) } ?? "")) }
    }
    if !variesOnOrder {
      // Swift's sort is stable, as the order of values of the same key must remain.
      pairs.sort { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
    }
    var result = [UInt8](utf8[..<question])
    for (index, pair) in pairs.enumerated() {
      result.append(index == 0 ? UInt8(ascii: "?") : UInt8(ascii: "&"))
      Self.appendEncoded(pair.key, to: &result)
      result.append(ASCII.equals)
      Self.appendEncoded(pair.value, to: &result)
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Plus signs are spaces, `%xx` is an octet; what is not UTF-8 then becomes U+FFFD.
  private static func decoded(_ text: some Collection<UInt8>) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var iterator = text.makeIterator()
    // Octets that have been read in search of a hexadecimal digit and are to be looked at again.
    var pending: [UInt8] = []
    while let byte = pending.popLast() ?? iterator.next() {
      if byte == UInt8(ascii: "+") {
        bytes.append(ASCII.space)
        continue
      }
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let first = pending.popLast() ?? iterator.next()
      let second = first == nil ? nil : pending.popLast() ?? iterator.next()
      if let high = first.flatMap(hexDigit), let low = second.flatMap(hexDigit) {
        bytes.append(high << 4 | low)
      } else {
        bytes.append(byte)
        if let second { pending.append(second) }
        if let first { pending.append(first) }
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func appendEncoded(_ text: String, to bytes: inout [UInt8]) {
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in text.utf8 {
      switch byte {
      case ASCII.space:
        bytes.append(UInt8(ascii: "+"))
      case UInt8(ascii: "*"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
        bytes.append(byte)
      case _ where ASCII.isLetter(byte) || ASCII.isDigit(byte):
        bytes.append(byte)
      default:
        bytes.append(UInt8(ascii: "%"))
        bytes.append(digits[Int(byte >> 4)])
        bytes.append(digits[Int(byte & 0x0F)])
      }
    }
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    if ASCII.isDigit(byte) { return byte & 0x0F }
    let offset = ASCII.lowercased(byte) &- UInt8(ascii: "a")
    return offset < 6 ? offset + 10 : nil
  }
}
