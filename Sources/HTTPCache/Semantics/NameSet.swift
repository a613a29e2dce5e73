//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A set of field names that fields are looked up in without decoding theirs.
struct NameSet: Sendable {
  private var known: UInt64 = 0
  private var others: Set<String> = []

  init(_ names: [HeaderName]) {
    for name in names { insert(name) }
  }

  /// The names of all of `fields`.
  init(namesOf fields: HeaderFields) {
    known = fields.presence
    for position in fields.indices where fields.known(at: position) == nil {
      others.insert(fields.withName(at: position) { FieldSyntax.text($0, 0..<$0.count).lowercased() })
    }
  }

  private mutating func insert(_ name: HeaderName) {
    if let known = name.known { self.known |= known.bit } else { others.insert(name.canonical) }
  }

  mutating func formUnion(_ other: NameSet) {
    known |= other.known
    if !other.others.isEmpty { others.formUnion(other.others) }
  }

  var isEmpty: Bool { known == 0 && others.isEmpty }

  /// Whether the field is called by a name of the set.
  func contains(_ view: HeaderFields.View) -> Bool {
    if let known = view.known { return self.known & known.bit != 0 }
    if others.isEmpty { return false }
    return others.contains(view.canonicalName)
  }
}

extension HeaderFields.View {
  /// The name in lower case.
  var canonicalName: String {
    withName { name in FieldSyntax.text(name, 0..<name.count).lowercased() }
  }

  /// Whether the name begins with `prefix`, letters compared without regard to case.
  func hasName(startingWith prefix: StaticString) -> Bool {
    withName { name in
      name.count >= prefix.utf8CodeUnitCount && FieldSyntax.matches(name, 0..<prefix.utf8CodeUnitCount, prefix)
    }
  }
}
