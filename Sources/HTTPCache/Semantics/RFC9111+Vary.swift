//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RFC9111 {
  /// Why responses with a `Vary` cannot be stored.
  struct VaryRefusal: Error, Hashable {
    var reason: StoreRefusal
  }

  /// The request fields that `Vary` names (§4.1).
  ///
  /// `*` refuses to be stored: it matches nothing. So does a member that is no field name, since what it was meant to
  /// say cannot be known.
  static func varySelection(of fields: HeaderFields, limit: Int) -> Result<VarySelection, VaryRefusal> {
    guard fields.contains(KnownHeader.vary) else { return .success(.none) }
    var names: [HeaderName] = []
    var isStar = false
    var isOverLimit = false
    fields.forEachValue(of: KnownHeader.vary) { value in
      if isStar || isOverLimit { return }
      var members = ListCursor(0..<value.count)
      while let member = members.next(in: value) {
        if member.range.isEmpty { continue }
        guard let name = HeaderName(FieldSyntax.text(value, member.range)), name.canonical != "*" else {
          isStar = true
          return
        }
        if names.contains(name) { continue }
        guard names.count < limit else {
          isOverLimit = true
          return
        }
        names.append(name)
      }
    }
    if isStar { return .failure(VaryRefusal(reason: .varyStar)) }
    if isOverLimit { return .failure(VaryRefusal(reason: .varyLimit)) }
    return .success(VarySelection(names))
  }

  /// The selecting fields of a request as text: equal for two requests exactly when the response to one may be used for
  /// the other (§4.1).
  ///
  /// Each field is written as `name=length:value;`, in canonical form as `name=length~value;`, or, when it is absent,
  /// `name;`. No value can pass for another field: names hold neither `=` nor `;`, and the length says where a value
  /// ends. Octets beyond ASCII are written as the characters U+0080 to U+00FF, none of which is equivalent to any
  /// sequence of others.
  static func selection(_ vary: VarySelection, in request: HeaderFields) -> String {
    if vary.isEmpty { return "" }
    var text: [UInt8] = []
    text.reserveCapacity(96)
    for name in vary.names {
      text.append(contentsOf: name.canonical.utf8)
      if request.contains(name) {
        let (value, isCanonical) = SelectingFieldNormalizer.normalized(name, in: request)
        text.append(ASCII.equals)
        text.append(contentsOf: String(value.count).utf8)
        text.append(isCanonical ? UInt8(ascii: "~") : ASCII.colon)
        for byte in value {
          if byte < 0x80 {
            text.append(byte)
          } else {
            text.append(0xC0 | byte >> 6)
            text.append(0x80 | byte & 0x3F)
          }
        }
      }
      text.append(ASCII.semicolon)
    }
    return String(decoding: text, as: UTF8.self)
  }
}
