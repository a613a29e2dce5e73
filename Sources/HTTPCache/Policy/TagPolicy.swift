//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Where the tags of a response come from, and which are permitted.
///
/// ```swift
/// var policy = CachePolicy()
/// policy.tags.extract = { request, _ in ["section:\(request.path.split(separator: "/").first ?? "home")"] }
/// ```
///
/// Beside these, whatever a handler calls can add tags, see ``CacheTags/add(_:)-(String...)``. A response with more tags, or
/// others, than are permitted is delivered, but not stored (``StoreRefusal/tags``): a tag left out would be an invalidation
/// lost. The observers' event has a ``CacheTagError`` that says what was wrong.
public struct TagPolicy: Sendable {
  /// A response field that carries tags.
  public struct Field: Hashable, Sendable {
    let known: KnownHeader

    /// `Cache-Tag`: names, separated by commas.
    public static let cacheTag = Field(known: .cacheTag)
    /// `Surrogate-Key`: names, separated by spaces.
    public static let surrogateKey = Field(known: .surrogateKey)
    /// `Cache-Groups` (RFC 9875 §2): its groups become tags as ``CacheTags/group(_:scheme:authority:)`` names them.
    public static let cacheGroups = Field(known: .cacheGroups)
  }

  /// Which characters may stand in a tag. White space and controls never may. The names of cache groups (RFC 9875) are not
  /// restricted.
  public struct Characters: Sendable {
    let permits: @Sendable (Unicode.Scalar) -> Bool

    /// The visible ones of ASCII but the comma, so that every tag can stand in every field.
    public static let visible = Characters { ("!"..."~").contains($0) && $0 != "," }
    /// All but white space and controls.
    public static let text = Characters { _ in true }
    /// Those for which `predicate` is true.
    public static func matching(_ predicate: @escaping @Sendable (Unicode.Scalar) -> Bool) -> Characters {
      Characters(permits: predicate)
    }
  }

  /// For how long what a handler calls may add tags to its response (``CacheTags/add(_:)-(String...)``).
  public struct Ambience: Hashable, Sendable {
    enum Kind { case none, head, body }

    let kind: Kind

    /// Until the body has ended.
    ///
    /// A request that comes after an invalidation, whatever it was, does not join a body that is under way from before: it
    /// might yet get a tag that is concerned.
    public static let untilBodyEnds = Ambience(kind: .body)

    /// Until the handler has returned. A tag that comes later makes the response one that is not stored. Requests may join
    /// bodies that are under way, unless these are known to be concerned by an invalidation in between; a tag that comes too
    /// late is not known.
    public static let untilBodyBegins = Ambience(kind: .head)

    /// Not at all: tags come from fields and from ``TagPolicy/extract`` only, and invalidations from fields. What is added
    /// goes to the next cache further out. Right for handlers that only pass on what other servers say.
    public static let none = Ambience(kind: .none)
  }

  /// Makes tags of a request and its response, in addition to all others. Called for each response of the origin, except for
  /// those that only confirm what is stored. Nil: nothing does.
  public var extract: (@Sendable (CacheRequest, CacheResponse) -> [String])?

  /// The fields that tags are taken from. All unless said otherwise.
  public var fields: Set<Field>

  /// Which of ``fields`` clients get to see. Only `Cache-Groups`, which RFC 9875 means for all caches on the way, unless said
  /// otherwise.
  public var passedOn: Set<Field>

  /// How many tags a response may have, 4,096 at most.
  public var maximumCount: Int

  /// How long a tag, or the name of a group, may be, in octets of UTF-8.
  public var maximumLength: Int

  /// Which characters may stand in a tag.
  public var characters: Characters

  /// For how long what a handler calls may add tags.
  public var ambience: Ambience

  /// - Parameters: see the properties of the same names.
  public init(
    extract: (@Sendable (CacheRequest, CacheResponse) -> [String])? = nil,
    fields: Set<Field> = [.cacheTag, .surrogateKey, .cacheGroups],
    passedOn: Set<Field> = [.cacheGroups],
    maximumCount: Int = 128,
    maximumLength: Int = 256,
    characters: Characters = .visible,
    ambience: Ambience = .untilBodyEnds
  ) {
    self.extract = extract
    self.fields = fields
    self.passedOn = passedOn
    self.maximumCount = maximumCount
    self.maximumLength = maximumLength
    self.characters = characters
    self.ambience = ambience
  }

  /// Refuses what makes no sense.
  func validate() throws(CacheConfigurationError) {
    guard (0...TagScope.limit).contains(maximumCount) else {
      throw CacheConfigurationError("tags.maximumCount is \(maximumCount): give a number from 0 to \(TagScope.limit)")
    }
    guard (1...4096).contains(maximumLength) else {
      throw CacheConfigurationError("tags.maximumLength is \(maximumLength): give a number of octets from 1 to 4096")
    }
    guard passedOn.isSubset(of: fields) else {
      throw CacheConfigurationError(
        "tags.passedOn has a field that tags.fields does not have: those that are not read are passed on anyway")
    }
  }

  /// What is wrong with `names`; nil when nothing is.
  func violation(in names: [String]) -> CacheTagError? {
    guard names.count <= maximumCount else {
      return CacheTagError("\(names.count) tags: at most \(maximumCount) are permitted")
    }
    for name in names {
      if let group = Self.group(of: name) {
        guard group.utf8.count <= maximumLength else { return Self.tooLong(name, group.utf8.count, maximumLength) }
        continue
      }
      guard name.utf8.count <= maximumLength else { return Self.tooLong(name, name.utf8.count, maximumLength) }
      for character in name.unicodeScalars
      where !characters.permits(character) || character.properties.isWhitespace || character.value < 0x20
        || (0x7F...0x9F).contains(character.value)
      {
        return CacheTagError("the tag \"\(name)\" has a character that is not permitted: \(character.debugDescription)")
      }
    }
    return nil
  }

  private static func tooLong(_ name: String, _ length: Int, _ limit: Int) -> CacheTagError {
    CacheTagError("the tag \"\(name.prefix(40))…\" has \(length) octets: at most \(limit) are permitted")
  }

  /// The name of the group that `tag` stands for (``CacheTags/group(_:scheme:authority:)``); nil when it stands for none.
  private static func group(of tag: String) -> Substring? {
    guard let space = tag.utf8.firstIndex(of: UInt8(ascii: " ")), tag[..<space].contains("://") else { return nil }
    return tag[tag.utf8.index(after: space)...]
  }
}
