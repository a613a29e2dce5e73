//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import HTTPCache

/// The options of the caching proxy: `--help`, the command line and its mistakes.
///
/// Each option is declared with the property of ``Settings`` that it sets, whose default is the option's.
struct ProxyOptions {
  typealias Values = CommandLineOptions.Values
  typealias Setter = (Values, inout Settings) throws(CommandLineError) -> Void

  var options = CommandLineOptions(
    program: "caching-proxy", summary: "An HTTP cache in front of any HTTP/1.1 server (RFC 9111, a shared cache).")
  private var setters: [Setter] = []

  init() {
    declareOriginAndListening()
    declareStores()
    declareLifetimes()
    declareCookies()
    declareForwarding()
    declareClients()
    declareRequests()
    declareOriginTimes()
    declareOriginConnections()
    declareOutput()
  }

  /// The settings that `arguments` ask for, which do not include the program's name.
  func settings(_ arguments: [String]) throws(CommandLineError) -> Settings { try settings(options.parse(arguments)) }

  /// The settings that `values` ask for.
  ///
  /// - Throws: ``CommandLineError`` for options that contradict each other, or together make no sense.
  func settings(_ values: Values) throws(CommandLineError) -> Settings {
    var settings = Settings()
    for set in setters { try set(values, &settings) }
    return settings
  }

  // MARK: Declaring

  /// Runs `setter` behind those of the options before it.
  mutating func apply(_ setter: @escaping Setter) { setters.append(setter) }

  /// An option for a property.
  mutating func set<Value: Sendable>(
    _ property: WritableKeyPath<Settings, Value>, _ name: String, _ kind: OptionKind<Value>,
    _ placeholder: String, _ help: String
  ) {
    let option = options.option(name, kind, placeholder, help, default: Settings()[keyPath: property])
    apply { values, settings throws(CommandLineError) in settings[keyPath: property] = values[option] }
  }

  /// An option for a property that may be nil: by default it is what it is in `Settings()`.
  mutating func set<Value: Sendable>(
    _ property: WritableKeyPath<Settings, Value?>, _ name: String, _ kind: OptionKind<Value>,
    _ placeholder: String, _ help: String, defaultText: String? = nil
  ) {
    if let initial = Settings()[keyPath: property] {
      let option = options.option(name, kind, placeholder, help, default: initial)
      return apply { values, settings throws(CommandLineError) in settings[keyPath: property] = values[option] }
    }
    let option = options.option(name, kind, placeholder, help, defaultText: defaultText)
    apply { values, settings throws(CommandLineError) in settings[keyPath: property] = values[option] }
  }

  /// A flag for a property.
  mutating func set(_ property: WritableKeyPath<Settings, Bool>, _ name: String, _ help: String) {
    let flag = options.flag(name, help)
    apply { values, settings throws(CommandLineError) in settings[keyPath: property] = values[flag] }
  }

  /// An option that is given a value by `setter`; nil when it is not given.
  mutating func option<Value: Sendable>(
    _ name: String, _ kind: OptionKind<Value>, _ placeholder: String, _ help: String, defaultText: String? = nil,
    _ setter: @escaping (Value?, inout Settings) throws(CommandLineError) -> Void
  ) {
    let option = options.option(name, kind, placeholder, help, defaultText: defaultText)
    apply { values, settings throws(CommandLineError) in try setter(values[option], &settings) }
  }
}
