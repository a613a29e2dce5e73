//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import HTTPCache

/// The value of `--cookies`.
enum CookieHandling: String, CaseIterable, Sendable {
  case pass, ignore
}

extension OptionKind where Value == CookieHandling {
  static var cookieHandling: OptionKind {
    OptionKind("pass or ignore", describe: { $0.rawValue }, read: { CookieHandling(rawValue: $0) })
  }
}

extension OptionKind where Value == [String] {
  /// Names of cookies, separated by commas.
  static var cookieNames: OptionKind {
    OptionKind("a list of cookies' names; write _ga,_ga_*", describe: { $0.joined(separator: ",") }) { text in
      let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      return (try? CachePolicy(cookies: .personal(except: names)).validate()) == nil ? nil : names
    }
  }
}
