//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// One invalidation as it stands in the log that all users of a server share.
///
/// A record of the stream is a list of fields and values: `t` and a word for the target, `m` and `hard` or `soft`, and as
/// many times `v` and a value as the target has tags. Records of another kind are those of a later version of this library:
/// whatever they mean, it is safe to take them for "everything, hard".
struct InvalidationRecord: Equatable, Sendable {
  enum Target: Equatable, Sendable {
    /// The text of a key.
    case key(String)
    case anyTag([String])
    case allTags([String])
    case pathPrefix(String)
    case everything
    /// The log begins here. What was before is not known, so that nothing older can be trusted.
    case origin
  }

  var id: StreamID
  var target: Target
  var isSoft: Bool

  /// - Parameter reply: One element of what `XRANGE` gives.
  init?(_ reply: RedisReply) {
    guard let parts = reply.array, parts.count == 2, let text = parts[0].text, let id = StreamID(text),
      let fields = parts[1].array
    else { return nil }
    self.id = id
    var kind: String?
    var mode: String?
    var values: [String] = []
    for place in stride(from: 0, to: fields.count - 1, by: 2) {
      switch fields[place].text {
      case "t": kind = fields[place + 1].text
      case "m": mode = fields[place + 1].text
      case "v": values.append(fields[place + 1].text ?? "")
      default: break
      }
    }
    isSoft = mode == "soft"
    switch kind {
    case "key" where values.count == 1: target = .key(values[0])
    case "any": target = .anyTag(values)
    case "all": target = .allTags(values)
    case "path" where values.count == 1: target = .pathPrefix(values[0])
    case "origin": target = .origin
    case "everything": target = .everything
    default:
      target = .everything
      isSoft = false
    }
  }

  /// What `XADD` appends for `invalidation`.
  ///
  /// - Throws: ``CacheError/Code/unsupported`` for a predicate, which cannot be sent to others. Nil when nothing at all is
  ///   concerned.
  static func fields(of invalidation: CacheInvalidation) throws(CacheError) -> [RedisCommand.Argument]? {
    let (kind, values): (String, [String])
    switch invalidation.target {
    case .key(let key): (kind, values) = ("key", [key.text])
    case .anyTag(let tags): (kind, values) = ("any", tags)
    case .allTags(let tags): (kind, values) = (tags.count == 1 ? "any" : "all", tags)
    case .pathPrefix(let prefix): (kind, values) = ("path", [prefix])
    case .everything: (kind, values) = ("everything", [])
    case .matching:
      throw CacheError(
        .unsupported, "a predicate cannot be sent to a server; invalidate by key, tags or path prefix instead")
    }
    if values.isEmpty && kind != "everything" { return nil }
    return ["t", .text(kind), "m", invalidation.mode == .soft ? "soft" : "hard"] + values.flatMap { ["v", .text($0)] }
  }
}
