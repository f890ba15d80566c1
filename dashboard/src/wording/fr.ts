/** French. A no-break space precedes a colon and similar signs. */

import { bytes, duration, moment } from "../format.ts";
import type { Wording } from "./en.ts";
import { SEARCH_FR } from "./search_fr.ts";
import { compose } from "./sentences.ts";
import { SENTENCES_FR } from "./sentences_fr.ts";

export const fr: Wording = {
  freshness: {
    live: "En direct",
    reconnecting: "Reconnexion",
    polling: "Interrogation",
    stale: "Périmé",
    signed_out: "Déconnecté",
  },
  nodeStatus: { online: "En ligne", offline: "Hors ligne", unknown: "Pas encore interrogé" },
  overallStatus: { healthy: "Tout va bien", warning: "Avertissement", critical: "Critique", unknown: "Inconnu" },
  severity: { info: "Info", warning: "Avertissement", critical: "Critique" },
  transition: {
    started: "Début du journal",
    pending: "En attente",
    firing: "Active",
    changed: "Gravité modifiée",
    resolved: "Terminée",
    pended: "Passagère",
  },
  measure: {
    cpu_usage: "CPU",
    memory_usage: "Mémoire",
    disk_usage: "Disque",
    temperature: "Température",
    load1: "Charge",
    network_receive_bytes_per_second: "Réseau, entrée",
    network_transmit_bytes_per_second: "Réseau, sortie",
    disk_read_bytes_per_second: "Disque, lecture",
    disk_written_bytes_per_second: "Disque, écriture",
    iowait: "Attente E/S",
    swap_usage: "Swap",
    pressure_io: "Pression E/S",
    pressure_memory: "Pression mémoire",
    status: "État",
  },

  noDataYet: "pas encore de données",
  ageUnknown: "âge inconnu",
  age: (seconds) => (Number.isFinite(seconds) ? `il y a ${duration(seconds)}` : fr.ageUnknown),
  nodesOnline: (online, total) => `${online} sur ${total} ${total < 2 ? "nœud" : "nœuds"} en ligne`,
  nodesShown: (shown, total) =>
    shown === total ? `${total} ${total < 2 ? "nœud" : "nœuds"}` : `${shown} sur ${total} nœuds`,
  noGroups: "aucun",
  withoutLabel: (label) => `sans ${label}`,
  foldAll: "Tout replier",
  unfoldAll: "Tout déplier",
  nodeCount: (count) => `${count} ${count < 2 ? "nœud" : "nœuds"}`,
  onlineOf: (online, total) => `${online}/${total}`,
  chartsShown: (shown, total) => `${shown} graphiques sur ${total}`,
  ofTotal: (total) => (total === null ? "" : `sur ${bytes(total)}`),
  forDuration: (span) => `depuis ${span}`,

  redisDown: (since) =>
    `Redis ne répond plus depuis ${moment(since)}. La page montre le dernier état connu ` +
    "et reprendra automatiquement au retour de Redis.",
  collectorDown:
    "Le collecteur est arrêté\u00a0: il n'y a plus de nouvelles mesures. " +
    "La page reprendra automatiquement au retour du collecteur.",
  dataOld: (seconds) =>
    Number.isFinite(seconds) ? `Les données datent d'il y a ${duration(seconds)}.` : "L'âge des données est inconnu.",
  dataOldUnexplained: (seconds) =>
    Number.isFinite(seconds)
      ? `Les données datent d'il y a ${duration(seconds)}\u00a0: le collecteur ou Redis est peut-être arrêté.`
      : "L'âge des données est inconnu\u00a0: le collecteur ou Redis est peut-être arrêté.",
  originRefused: (origin) =>
    `Le service de push refuse l'origine de cette page, ${origin}. Réglez WS_ALLOWED_ORIGINS=${origin} ` +
    "(ou PUBLIC_URL) pour le service ws et redémarrez-le.",
  connectionEnded: (reason) =>
    `Le service de push a fermé la connexion de cette page${reason === null ? "" : ` (${reason})`}. ` +
    "Rechargez la page pour vous reconnecter.",
  signInRequired:
    "Veuillez vous connecter\u00a0: la session est terminée, et cette page ne montre plus de nouvelles données.",
  signIn: "Se connecter",
  signInAfter: (span) => `Se connecter (dans ${span})`,
  signInNow: "Vous pouvez réessayer.",
  tooManyConnections:
    "Le service de push n'accepte plus de connexions de votre part pour le moment. " +
    "Fermez les autres pages dont vous n'avez pas besoin. Cette page réessaie environ toutes les demi-minutes.",
  pushDown: "La connexion de push est coupée\u00a0: le service ws ne répond pas.",
  meanwhilePolling: (intervalSeconds) => `En attendant, la page interroge le serveur toutes les ${intervalSeconds} s.`,
  noServerAnswer: (reason) => `Le serveur ne répond pas (${reason}). La page continue d'essayer.`,
  scriptFailed: (what) =>
    `Quelque chose a échoué sur cette page (${what}). Rechargez-la\u00a0; la console du navigateur donne des détails.`,
  newerServer: (page, server) =>
    `Le serveur est en version ${server}, mais cette page est en version ${page}. Rechargez la page.`,
  httpStatus: (status) => `code HTTP ${status}`,
  noAnswer: "pas de réponse",
  notSignedIn: "session terminée",
  notAllowed: "cet utilisateur n'y a pas accès",

  moreCharacters: (count) => `… encore ${count} ${count < 2 ? "caractère" : "caractères"}`,
  hiddenWhilePaused: (count) =>
    count === 0 ? "" : `${count} ${count < 2 ? "non affiché" : "non affichés"} pendant la pause`,
  pause: "Pause",
  resume: "Reprendre",
  connected: "Connecté",
  disconnected: "Non connecté",
  connectedTo: (replica, transport) => `Connecté au réplica ${replica} par ${transport}`,

  theme: { system: "Thème\u00a0: système", light: "Thème\u00a0: clair", dark: "Thème\u00a0: sombre" },
  dismiss: "Fermer",
  moreAlerts: (count) => `et ${count} de plus`,

  headline: {
    well: (total) => (total === 1 ? "Le nœud va bien" : `Les ${total} nœuds vont bien`),
    allOffline: (total) => `Les ${total} nœuds sont hors ligne`,
    offline: (count) => `${count} ${count < 2 ? "nœud" : "nœuds"} hors ligne`,
    critical: (count) => `${count} ${count < 2 ? "alerte critique" : "alertes critiques"}`,
    warning: (count) => `${count} ${count < 2 ? "avertissement" : "avertissements"}`,
    info: (count) => `${count} ${count < 2 ? "alerte" : "alertes"} info`,
    notYetScraped: (count) => `${count} ${count < 2 ? "nœud pas encore interrogé" : "nœuds pas encore interrogés"}`,
    noNodes: "Aucun nœud",
    nothingFires: "aucune alerte active",
  },

  titleFiring: (counts) => `(${counts})`,

  meanOfStep: (mean) => `moy. ${mean}`,
  timesIn: (zone) => `Heures\u00a0: ${zone}`,
  noValueReasons: {
    temperature: "Pas de capteur de température",
    swap_usage: "Pas de swap",
    pressure_io: "Le noyau ou l'exportateur du nœud ne fournit pas cette mesure",
    pressure_memory: "Le noyau ou l'exportateur du nœud ne fournit pas cette mesure",
  },
  about: (time) => `vers ${time}`,
  dataSince: (time) => `données depuis ${time}`,
  averageOnly: "moyenne seule",
  averageOnlyBefore: (time) => `moyenne seule avant ${time}`,
  thresholdAt: (value) => `Alerte à partir de ${value}`,
  medianOfNodes: (median) => `médiane ${median}`,
  percentileRange: (span) => `10–90\u00a0%\u00a0: ${span}`,
  highestNode: (value, node) => `maximum ${value}${node === "" ? "" : `, ${node}`}`,
  averageOfNodes: (value) => `moyenne ${value}`,
  averageNow: (value) => `moy. ${value}`,
  noHistory: "Pas encore d'historique sur cette période.",
  historyFailed: (why) => `L'historique n'a pas pu être lu (${why}).`,
  chartSummary: (name, low, high, last) => `${name}\u00a0: de ${low} à ${high}, maintenant ${last}`,

  chartPartSummary: (name, low, high, mean) => `${name}\u00a0: de ${low} à ${high}, moyenne ${mean}`,

  compareSummary: (name, parts) => `${name}\u00a0: ${parts.join(", ")}`,
  compareMissing: (names) =>
    `Aucun nœud ne s'appelle ${names.join(", ")} en ce moment. Son historique est peut-être encore affiché.`,
  compareFull: (most, left) =>
    `Un graphique a au plus ${most} nœuds. Non affichés\u00a0: ${left.join(", ")}. Retirez d'abord un nœud.`,
  unknownNode: "inconnu",
  removeNode: (node) => `Retirer ${node}`,
  compare: "Comparer",
  compareNode: (node) => `Comparer ${node}`,
  compareNodes: (count) => `Comparer ${count} ${count < 2 ? "nœud" : "nœuds"}`,
  compareThese: (count) => `Comparer ces ${count} nœuds`,
  ticksFull: (most) => `Une comparaison a au plus ${most} nœuds.`,

  rankedPeak: (value, at) => `pic ${value}${at === "" ? "" : `, ${at}`}`,
  rankedAverage: (value) => `moyenne ${value}`,
  rankingComputed: (start, end, at) => `De ${start} à ${end}, calculé à ${at}.`,
  rankingFailed: (why) =>
    `Le classement n'a pas pu être lu (${why}). La liste suit les valeurs actuelles, ou le dernier classement.`,

  zoomed: (span) => `Partie de l'historique\u00a0: ${span}. Les graphiques ne suivent plus le direct.`,
  zoomInvalid: "Saisissez deux moments, le plus ancien d'abord.",
  eventsShown: (count) => `${count} ${count < 2 ? "événement" : "événements"}`,
  eventsFailed: (why) => `Les événements n'ont pas pu être lus (${why}).`,
  newestEventsOnly: (count) => `Cette liste contient les ${count} événements les plus récents de la période.`,
  alertBegan: (message) => `Alerte\u00a0: ${message}`,
  alertEnded: (message) => `Fin d'alerte\u00a0: ${message}`,
  nodeEvent: {
    offline: (node) => `${node} est passé hors ligne`,
    online: (node) => `${node} est revenu en ligne`,
    reboot: (node) => `${node} a redémarré`,
  },

  nodeGone: (node) =>
    `Aucun nœud ne s'appelle ${node} en ce moment. Son historique est peut-être encore affiché ci-dessous.`,
  wallCell: (node, status, value) => `${node}\u00a0: ${status}, ${value}`,
  nodesInTrouble: (count) => (count === 1 ? "1 nœud en difficulté" : `${count} nœuds en difficulté`),
  noNodeInTrouble: "Aucun nœud en difficulté",
  wallSummary: (total, offline, alerting) =>
    `${total} ${total < 2 ? "nœud" : "nœuds"}\u00a0: ${offline} hors ligne, ${alerting} en alerte`,
  pastTitle: (at) => `Passé\u00a0: ${at}`,
  pastMoment: (at) => `Le cluster à ce moment\u00a0: ${at}.`,
  pastStep: (seconds) => `Moyennes sur ${duration(seconds)}.`,
  pastWithoutData: (without, total) =>
    `${without} ${without < 2 ? "nœud" : "nœuds"} sur ${total} sans données à ce moment.`,
  historyKnownSince: (at) => `L'historique commence à\u00a0: ${at}.`,
  pastFailed: (why) => `Ce moment n'a pas pu être lu (${why}). Choisissez-le à nouveau, ou un autre.`,
  momentInvalid: "L'adresse ne contient pas de moment valide\u00a0: un moment en UTC s'écrit 2026-11-30T03:00:00Z.",
  noDataThen: "Pas de données à ce moment",
  wallTimestamp: (timestamp) => `mesuré à ${moment(timestamp)}`,
  andMore: (count) => `… et ${count} de plus`,
  fullScreen: "Plein écran",
  leaveFullScreen: "Quitter le plein écran",

  alertsShown: (shown, total) =>
    shown === total ? `${total} ${total < 2 ? "alerte" : "alertes"}` : `${shown} sur ${total} alertes`,
  entriesShown: (shown, total) =>
    shown === total ? `${total} ${total < 2 ? "entrée" : "entrées"}` : `${shown} sur ${total} entrées`,
  flapping: (count) => `instable, ${count}\u00a0×`,
  timesFired: (count) => (count === 0 ? "" : `${count}\u00a0×`),
  incidentsShown: (active, ended) =>
    `${active} ${active < 2 ? "actif" : "actifs"}, ${ended} ${ended < 2 ? "terminé" : "terminés"}`,
  incidentsKnownSince: (timestamp) => `Les incidents sont enregistrés depuis ${moment(timestamp)}.`,
  incidentsFailed: (why, againSeconds) =>
    `Les incidents n'ont pas pu être lus (${why}). La page réessaie toutes les ${againSeconds} s.`,
  noIncident: "Aucune alerte ne s'est déclenchée sur cette période.",
  noIncidentMatches: "Aucune alerte de cette période ne correspond aux filtres.",
  noNodeOnline: "Aucun nœud n'est en ligne.",
  noNodeWithSensor: "Aucun nœud n'a de capteur de température.",
  noAlertActive: "Aucune alerte n'est active.",
  noAlertMatches: "Aucune alerte active ne correspond aux filtres.",
  noEntryMatches: "Aucune entrée du journal ne correspond aux filtres.",
  logEmpty: "Le journal est vide.",
  logFailed: (why, againSeconds) =>
    `Le journal n'a pas pu être lu entièrement (${why}). La page réessaie toutes les ${againSeconds} s.`,
  newestEntriesMissing: "le serveur n'a pas les entrées les plus récentes",

  search: SEARCH_FR,

  sentence: (coded, text) => compose(SENTENCES_FR, coded, text),
};
