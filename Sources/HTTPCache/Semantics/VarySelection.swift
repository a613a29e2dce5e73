//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The request fields that select among the responses of a URL (`Vary`, RFC 9111 §4.1).
struct VarySelection: Hashable, Sendable {
  /// The names, each once, in the order of their lower-case spelling.
  let names: [HeaderName]

  /// Selection by nothing: there is one response for all requests.
  static let none = VarySelection([])

  /// The names in any order, repeated or not.
  init(_ names: [HeaderName]) {
    guard names.count > 1 else {
      self.names = names
      return
    }
    // One rule for both, for text that says the same must be the same: the serialised form is compared and stored.
    let sorted = names.sorted { $0.canonical.utf8.lexicographicallyPrecedes($1.canonical.utf8) }
    self.names = sorted.indices.filter { $0 == 0 || sorted[$0] != sorted[$0 - 1] }.map { sorted[$0] }
  }

  /// Whether no field selects.
  var isEmpty: Bool { names.isEmpty }

  /// The names in lower case, separated by commas.
  var serialized: String { names.map(\.canonical).joined(separator: ",") }

  /// What `serialized` gave; nil for anything else.
  init?(serialized: String) {
    guard !serialized.isEmpty else {
      self = .none
      return
    }
    var names: [HeaderName] = []
    for part in serialized.split(separator: ",", omittingEmptySubsequences: false) {
      guard let name = HeaderName(String(part)) else { return nil }
      names.append(name)
    }
    self.init(names)
  }
}
