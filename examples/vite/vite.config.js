export default { base: './' }; // runs from any folder
