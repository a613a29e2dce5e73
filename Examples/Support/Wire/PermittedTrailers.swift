//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The trailer fields that are passed on.
///
/// Whoever merges trailers into the header section takes them for what they say there: a list of names that are harmless is
/// safer than one of names that are not (RFC 9110 §6.5.1).
public struct PermittedTrailers: Hashable, Sendable, CustomStringConvertible {
  /// All but those that must not stand in a trailer section. For servers whose handlers know what they send and read.
  public static let unrestricted = PermittedTrailers(names: nil, prefixes: [])
  /// Digests and signatures of the content, `Server-Timing`, and the status of gRPC.
  public static let standard = PermittedTrailers(
    names: [
      "digest", "content-digest", "repr-digest", "content-md5", "signature", "signature-input", "server-timing",
      "checksum", "x-checksum", "x-goog-hash",
    ], prefixes: ["grpc-", "x-checksum-", "x-amz-checksum-", "x-trailer-"])

  private var names: Set<String>?
  private var prefixes: [String]
  private var added: [String] = []

  private init(names: Set<String>?, prefixes: [String]) {
    self.names = names
    self.prefixes = prefixes
  }

  /// The standard ones, and those of a list of names, separated by commas; `x-mine-*` for all names that begin with `x-mine-`.
  ///
  /// - Throws: ``CommandLineError`` when something in the list is no field name, or one that must not be a trailer field.
  public init(adding text: some StringProtocol) throws(CommandLineError) {
    self = .standard
    for element in text.split(separator: ",", omittingEmptySubsequences: false) {
      let isPrefix = element.hasSuffix("*")
      let name = String(isPrefix ? element.dropLast() : element)
      guard let header = HeaderName(name), !TrailerFields.isForbidden(header) else {
        throw CommandLineError("\"\(element)\" is no name of a trailer field; write x-checksum or x-checksum-*")
      }
      if isPrefix { prefixes.append(header.canonical) } else { names?.insert(header.canonical) }
      added.append(String(element))
    }
  }

  /// The fields of `section` that are passed on; nil when there are none.
  func filter(_ section: HeaderFields?) -> HeaderFields? {
    guard var section, !section.isEmpty else { return nil }
    section = TrailerFields.permitted(section)
    if let names {
      section.removeAll { name in
        let name = name.text.lowercased()
        return !names.contains(name) && !prefixes.contains { name.hasPrefix($0) }
      }
    }
    return section.isEmpty ? nil : section
  }

  /// The names that were added, as they were written.
  public var description: String { added.joined(separator: ",") }
}

extension OptionKind where Value == PermittedTrailers {
  /// Names of trailer fields that are passed on beside the usual ones: `x-mine,x-ours-*`.
  public static var trailers: OptionKind {
    OptionKind(
      parse: { text, name throws(CommandLineError) in
        do throws(CommandLineError) {
          return try PermittedTrailers(adding: text)
        } catch {
          throw CommandLineError("--\(name): \(error)")
        }
      }, describe: { $0.description.isEmpty ? "none" : $0.description })
  }
}
